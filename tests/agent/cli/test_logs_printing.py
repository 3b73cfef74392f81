"""agent/cli/logs_printing.py: what `agent logs` prints of real files."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.logs_printing import Wanted, rfc3339, show
from agent.container.container import Container
from agent.container.log_source import LogSource
from agent.logs.file_log import FileLog
from agent.logs.timestamps import parse_rfc3339
from tests.log_host import wait_for

BASE = 1_795_000_000_000_000_000


def line(number: int, text: str, stream: str = "stdout", tag: str = "F") -> bytes:
    return f"{rfc3339(BASE + number * 1_000_000_000)} {stream} {tag} {text}\n".encode()


def source(path: Path) -> FileLog:
    container = Container(
        runtime="containerd", id="f" * 64, container="app", pod="web", namespace="s"
    )
    return FileLog(LogSource(str(path), "cri", container))


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def printed(
    path: Path,
    wanted: Wanted | None = None,
    *,
    as_json: bool = False,
    timestamps: bool = False,
    out: io.BytesIO | None = None,
) -> list[str]:
    out = out or io.BytesIO()
    show(
        source(path),
        wanted or Wanted(),
        follow=False,
        as_json=as_json,
        timestamps=timestamps,
        out=out,
    )
    return out.getvalue().decode().split("\n")[:-1]


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """Ten lines in three files: compressed, rotated, current; the last without its end."""
    log = tmp_path / "0.log"
    with gzip.open(tmp_path / "0.log.20261124-010000.gz", "wb") as file:
        file.write(b"".join(line(number, f"n{number}") for number in range(4)))
    (tmp_path / "0.log.20261124-020000").write_bytes(
        b"".join(line(number, f"n{number}", "stderr") for number in range(4, 7))
    )
    log.write_bytes(b"".join(line(number, f"n{number}") for number in range(7, 10))[:-1])
    return log


def test_rotated_and_compressed_files_come_first(rotated: Path) -> None:
    assert printed(rotated) == [f"n{number}" for number in range(10)]


@pytest.mark.parametrize("last", [1, 2, 3, 4, 5, 9, 10, 50])
def test_the_last_records_reach_back_into_older_files(rotated: Path, last: int) -> None:
    assert printed(rotated, Wanted(last=last)) == [f"n{number}" for number in range(10)][-last:]


def test_filters_come_before_the_last(rotated: Path) -> None:
    assert printed(rotated, Wanted(stream="stderr", last=2)) == ["n5", "n6"]
    assert printed(rotated, Wanted(grep=re.compile(b"n[28]"))) == ["n2", "n8"]


def test_since_and_until_are_the_runtime_s_times(rotated: Path) -> None:
    since, until = BASE + 3 * 10**9, BASE + 5 * 10**9
    assert printed(rotated, Wanted(since_ns=since, until_ns=until)) == ["n3", "n4", "n5"]


def test_json_carries_whose_it_is(rotated: Path) -> None:
    (row,) = [json.loads(text) for text in printed(rotated, Wanted(last=1), as_json=True)]
    assert (row["log"], row["pod"], row["container_name"]) == ("n9", "web", "app")


def test_timestamps_are_exact(rotated: Path) -> None:
    assert printed(rotated, Wanted(last=1), timestamps=True) == [f"{rfc3339(BASE + 9 * 10**9)} n9"]


def test_a_terminal_gets_colours_and_nothing_that_moves_its_cursor(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(
        line(1, "\x1b[32mgreen\x1b[0m \x1b]0;title\x07 \x1b[2J") + line(2, "bad", "stderr")
    )
    first, second = printed(log, out=Terminal())
    assert first.startswith("\x1b[32mgreen\x1b[0m")
    assert "\x07" not in first
    assert "\x1b[2J" not in first
    assert "\x1b]" not in first
    assert second == "\x1b[31mbad\x1b[0m"
    assert "\x1b[31m" not in "".join(printed(log)[1:])


def test_a_record_in_pieces_is_whole_also_as_the_last_one(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    pieces = [line(2, f"{number:03d}", "stdout", "P") for number in range(100)]
    log.write_bytes(line(1, "before") + b"".join(pieces) + line(2, "end"))
    whole = "".join(f"{number:03d}" for number in range(100)) + "end"
    assert printed(log, Wanted(last=1)) == [whole]
    assert printed(log, Wanted(last=2)) == ["before", whole]


@given(st.lists(st.sampled_from(["a", "bb", "", "x" * 3000]), max_size=60), st.integers(1, 70))
def test_the_last_are_those_of_everything(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], last: int
) -> None:
    log = tmp_path_factory.mktemp("last") / "0.log"
    log.write_bytes(b"".join(line(number, text) for number, text in enumerate(texts)))
    assert printed(log, Wanted(last=last)) == texts[-last:]


def test_since_finds_its_place_in_a_large_file(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(b"".join(line(number, "x" * 100) for number in range(20_000)))
    since = BASE + 19_990 * 10**9
    found = printed(log, Wanted(since_ns=since), timestamps=True)
    assert [parse_rfc3339(text.split(" ")[0].encode()) for text in found] == [
        BASE + number * 10**9 for number in range(19_990, 20_000)
    ]


def test_what_comes_is_followed_across_rotation(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(line(0, "n0"))
    out, stop = io.BytesIO(), threading.Event()

    def follow() -> None:
        show(
            source(log),
            Wanted(last=5),
            follow=True,
            as_json=False,
            timestamps=False,
            out=out,
            stop=stop.is_set,
        )

    def came(text: bytes) -> None:
        deadline = time.monotonic() + 10
        while text not in out.getvalue():
            assert time.monotonic() < deadline, out.getvalue()
            time.sleep(0.01)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        came(b"n0\n")
        with log.open("ab") as file:
            file.write(line(1, "n1"))
            file.flush()
            came(b"n1\n")
            log.rename(tmp_path / "0.log.20261124-010000")
            file.write(line(2, "n2"))
        log.write_bytes(line(3, "n3"))
        came(b"n3\n")
    finally:
        stop.set()
        thread.join()
    assert out.getvalue() == b"n0\nn1\nn2\nn3\n"


def test_what_is_followed_ends_when_it_is_deleted(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(line(0, "n0"))
    out = io.BytesIO()
    with log.open("ab") as file:
        thread = threading.Thread(
            target=show,
            args=(source(log), Wanted()),
            kwargs={"follow": True, "as_json": False, "timestamps": False, "out": out},
        )
        thread.start()
        wait_for(lambda: out.getvalue() == b"n0\n", 10, "what is there")
        file.write(line(1, "n1")[:-1])
        log.unlink()
    thread.join(20)
    assert not thread.is_alive()
    assert out.getvalue() == b"n0\nn1\n"


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        printed(tmp_path / "0.log")


RAW = b"caf\xe9 \xff\x00 \xf0\x9f\x98 \x80 \xed\xa0\x80 ok \xc3\xa9"
"""Latin-1, NUL, half a character, a surrogate; and é in UTF-8."""


def raw_log(path: Path, *texts: bytes) -> Path:
    path.write_bytes(b"".join(line(n, "")[:-1] + text + b"\n" for n, text in enumerate(texts)))
    return path


def test_a_pipe_gets_the_programs_own_bytes(tmp_path: Path) -> None:
    log = raw_log(tmp_path / "0.log", RAW, b"\x1b[2J\r")
    out = io.BytesIO()
    show(source(log), Wanted(), follow=False, as_json=False, timestamps=False, out=out)
    assert out.getvalue() == RAW + b"\n\x1b[2J\r\n"


@given(st.lists(st.binary(max_size=40).filter(lambda text: b"\n" not in text), max_size=5))
def test_any_bytes_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes]
) -> None:
    log = raw_log(tmp_path_factory.mktemp("raw") / "0.log", *texts)
    out, screen, rows = io.BytesIO(), Terminal(), io.BytesIO()
    show(source(log), Wanted(), follow=False, as_json=False, timestamps=False, out=out)
    assert out.getvalue() == b"".join(text + b"\n" for text in texts)
    show(source(log), Wanted(), follow=False, as_json=False, timestamps=False, out=screen)
    shown = re.sub("\x1b\\[[0-9;]*m", "", screen.getvalue().decode())
    assert not set(shown) & (set(map(chr, [*range(32), *range(127, 160)])) - set("\t\n"))
    show(source(log), Wanted(), follow=False, as_json=True, timestamps=False, out=rows)
    own = [
        base64.b64decode(row["log_base64"]) if "log_base64" in row else row["log"].encode()
        for row in map(json.loads, rows.getvalue().splitlines())
    ]
    assert own == texts


def test_pieces_cut_within_a_character_are_whole(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(line(1, "", tag="P")[:-1] + b"caf\xc3\n" + line(1, "")[:-1] + b"\xa9 \xff\n")
    out = io.BytesIO()
    show(source(log), Wanted(), follow=False, as_json=False, timestamps=False, out=out)
    assert out.getvalue() == "café ".encode() + b"\xff\n"


def test_a_terminal_sees_which_bytes_they_were(tmp_path: Path) -> None:
    log = raw_log(tmp_path / "0.log", RAW, b"\x1b]0;title\x07\tx\r", "a\u202eb\x9bc".encode())
    first, second, third = printed(log, out=Terminal())
    assert first == "caf\\xe9 \\xff\\x00 \\xf0\\x9f\\x98 \\x80 \\xed\\xa0\\x80 ok é"
    assert second == "\\x1b]0;title\\x07\tx"
    assert third == "a\\u202eb\\x9bc"


def test_json_is_json_and_has_the_bytes_beside(tmp_path: Path) -> None:
    log = raw_log(tmp_path / "0.log", b"caf\xe9", b"plain")
    first, second = [json.loads(text) for text in printed(log, as_json=True)]
    assert first["log"] == "caf\ufffd"
    assert base64.b64decode(first["log_base64"]) == b"caf\xe9"
    assert "log_base64" not in second


def test_the_bytes_themselves_can_be_looked_for(tmp_path: Path) -> None:
    log = raw_log(tmp_path / "0.log", b"caf\xe9", b"\xff", b"plain")
    assert printed(log, Wanted(grep=re.compile(b"caf\xe9")), out=Terminal()) == ["caf\\xe9"]


def test_the_last_words_of_who_is_followed_come_when_it_ends(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(line(0, "n0") + line(1, "last words", tag="P"))
    out, stop = io.BytesIO(), threading.Event()
    runs = True
    one = FileLog(source(log).source, lambda _id: runs)
    thread = threading.Thread(
        target=show,
        args=(one, Wanted()),
        kwargs={
            "follow": True, "as_json": False, "timestamps": False, "out": out, "stop": stop.is_set
        },
    )  # fmt: skip
    thread.start()
    try:
        wait_for(lambda: out.getvalue() == b"n0\n", 10, "what is whole")
        runs = False
        wait_for(lambda: out.getvalue() == b"n0\nlast words\n", 10, "the last words")
    finally:
        stop.set()
        thread.join()
