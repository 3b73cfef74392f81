"""`agent logs` of what is in systemd's journal, on real journal files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from agent.cli import main
from agent.cli.exits import ERROR, NOT_FOUND, NOT_PERMITTED, OK, USAGE
from agent.logs.timestamps import parse_rfc3339
from tests.agent.logs.journal.journal_files import (
    CONTAINER,
    OTHER,
    START_US,
    Fields,
    JournalFiles,
    docker_entry,
)
from tests.log_host import ROOT, LogHost, wait_for

THIRD = "4fee" + "ab" * 30
Run = Callable[..., tuple[int, list[str], str]]
PIECE = {"CONTAINER_PARTIAL_MESSAGE": "true"}


class Host(LogHost):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        directory = root / "var/log/journal"
        directory.mkdir(parents=True)
        self.journal = JournalFiles(directory)

    def docker(self, id_: str = CONTAINER, name: str = "web", driver: str = "journald") -> None:
        """A container of Docker's that writes no file."""
        self.add_container(id_, name)
        options = orjson.dumps({"LogConfig": {"Type": driver}})
        (self.containers / id_ / "hostconfig.json").write_bytes(options)

    def arguments(self, *more: str) -> list[str]:
        config = self.root / "agent.toml"
        config.write_text(f'[paths]\nroot = "{self.root}"\nproc = "{self.root}/proc"\n')
        return ["logs", "--config", str(config), *more]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def run(host: Host, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*more: str) -> tuple[int, list[str], str]:
        try:
            code = main.main(host.arguments(*more))
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else -1
        out, err = capfd.readouterr()
        return code, out.splitlines(), err

    return run


def lines(count: int, container: str = CONTAINER, **more: str) -> list[Fields]:
    return [docker_entry(container, f"line {number}", **more) for number in range(count)]


def test_a_container_whose_driver_is_journald(host: Host, run: Run) -> None:
    host.docker()
    host.journal.write([*lines(3), *lines(2, OTHER, CONTAINER_NAME="other")])
    assert run("web") == (OK, ["line 0", "line 1", "line 2"], "")
    assert run(CONTAINER[:6]) == (OK, ["line 0", "line 1", "line 2"], "")


def test_all_filters_are_those_of_files(host: Host, run: Run) -> None:
    host.docker()
    host.journal.write([*lines(3), docker_entry(CONTAINER, "bad", PRIORITY="3"), *lines(2)])
    assert run("web", "--stream", "stderr")[1] == ["bad"]
    assert run("web", "--grep", "[12]$")[1] == ["line 1", "line 2", "line 1"]
    assert run("web", "--grep", "line", "-n", "2")[1] == ["line 0", "line 1"]
    (row,) = map(json.loads, run("web", "-n", "1", "-o", "json")[1])
    assert (row["log"], row["container_name"], row["container_id"]) == ("line 1", "web", CONTAINER)
    assert (row["stream"], row["runtime"], row["image"]) == ("stdout", "docker", "demo:1")
    stamped = run("web", "-n", "1", "--timestamps")[1][0].partition(" ")
    assert parse_rfc3339(stamped[0].encode()) == (START_US + 5) * 1000
    since = f"{START_US / 1e6 + 0.000003:.6f}"
    moment = subprocess.check_output(["date", "-u", "-d", f"@{since}", "+%FT%T.%6NZ"], text=True)
    assert run("web", "--since", moment.strip())[1] == ["bad", "line 0", "line 1"]
    assert run("web", "--until", moment.strip())[1] == ["line 0", "line 1", "line 2", "bad"]


@pytest.mark.usefixtures("short_pieces")
@pytest.mark.parametrize("last", [1, 2, 7, 30, 31, 40])
def test_the_last_records_are_whole_also_in_pieces(host: Host, run: Run, last: int) -> None:
    host.docker()
    written: list[Fields] = []
    for number in range(30):
        pieces = [docker_entry(CONTAINER, f"{number}.", **PIECE)] * (number % 7 * 5)
        written += [*pieces, *lines(1, OTHER), docker_entry(CONTAINER, "end")]
    host.journal.write(written)
    wanted = [f"{number}." * (number % 7 * 5) + "end" for number in range(30)]
    assert run("web", "-n", str(last)) == (OK, wanted[-last:], "")


def test_a_line_without_its_last_piece_is_printed(host: Host, run: Run) -> None:
    host.docker()
    host.journal.write([docker_entry(CONTAINER, "prompt> ", **PIECE)])
    assert run("web") == (OK, ["prompt> "], "")


def test_who_writes_another_s_id_is_not_believed(host: Host, run: Run) -> None:
    host.docker()
    host.journal.write([docker_entry(CONTAINER, "true"), docker_entry(CONTAINER, "no", _UID="7")])
    assert run("web")[1] == ["true"]


def test_a_container_that_was_removed_is_found_in_the_journal(host: Host, run: Run) -> None:
    host.journal.write(
        [
            docker_entry(CONTAINER, "old", CONTAINER_NAME="job"),
            docker_entry(OTHER, "new", CONTAINER_NAME="job"),
            docker_entry(THIRD, "other", CONTAINER_NAME="x"),
            docker_entry("cd" * 32, "user's", CONTAINER_NAME="own", _UID="1000", _COMM="conmon"),
        ]
    )
    assert run("job") == (OK, ["new"], ""), "the newest of that name"
    assert run(CONTAINER[:4]) == (OK, ["old"], "")
    assert run("own") == (OK, ["user's"], "")
    code, out, err = run("4f")
    assert (code, out) == (NOT_FOUND, [])
    assert CONTAINER[:12] in err
    assert THIRD[:12] in err


def test_one_name_in_files_and_in_the_journal_is_not_guessed(host: Host, run: Run) -> None:
    host.docker()
    host.add_container(OTHER, "web").write_text("")
    host.journal.write(lines(1))
    code, out, err = run("web")
    assert (code, out) == (NOT_FOUND, [])
    assert CONTAINER[:12] in err
    assert OTHER[:12] in err


def test_a_unit_by_its_name_and_by_a_pattern(host: Host, run: Run) -> None:
    units = {"nginx.service": "up", "app-1.service": "one", "app-2.service": "two"}
    host.journal.write(
        [
            *({"MESSAGE": text, "_SYSTEMD_UNIT": unit} for unit, text in units.items()),
            docker_entry(CONTAINER, "a container's", _SYSTEMD_UNIT="nginx.service"),
        ]
    )  # fmt: skip
    assert run("--systemd", "nginx") == (OK, ["up"], "")
    assert run("--systemd", "nginx.service")[1] == ["up"]
    assert run("--systemd", "*-2*")[1] == ["two"]
    (row,) = map(json.loads, run("--systemd", "nginx", "-o", "json")[1])
    assert (row["container_name"], row["runtime"]) == ("nginx.service", "systemd")
    code, out, err = run("--systemd", "app-*")
    assert (code, out) == (NOT_FOUND, [])
    assert "app-1.service" in err
    assert "app-2.service" in err
    assert run("--systemd", "sshd")[0] == NOT_FOUND
    assert run("--systemd", "nginx", "--previous")[0] == USAGE


@pytest.mark.parametrize(
    ("driver", "said"),
    [("none", "kept nowhere"), ("gelf", "driver gelf"), ("json-file", "ever started")],
)
def test_a_driver_that_leaves_nothing_here_is_named(
    host: Host,
    run: Run,
    driver: str,
    said: str,
) -> None:
    host.docker(driver=driver)
    code, out, err = run("web")
    assert (code, out) == (NOT_FOUND, [])
    assert said in err


def test_a_host_without_a_journal_says_so(host: Host, run: Run) -> None:
    host.docker()
    host.journal.directory.rmdir()
    code, out, err = run("web")
    assert (code, out) == (ERROR, [])
    assert "web logs to systemd's journal" in err
    assert f"{host.root}/run/log/journal" in err


def test_without_the_library_it_is_said_what_is_missing(
    host: Host,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.logs.journal.library._LIBRARY", "libabsent.so.0")
    host.docker()
    code, out, err = run("web")
    assert (code, out) == (ERROR, [])
    assert "libabsent.so.0 cannot be loaded" in err
    assert "libabsent" in run("nobody")[2], "it may be why nobody is found"


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
@pytest.mark.parametrize("target", [["web"], ["--systemd", "nginx"]])
def test_a_journal_that_may_not_be_read_is_no_empty_one(host: Host, target: list[str]) -> None:
    host.docker()
    host.journal.write(lines(1)).chmod(0)
    argv = [sys.executable, "-m", "agent", *host.arguments(*target)]
    if os.geteuid() == 0:  # root, but for the right to read everything
        argv = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *argv]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (NOT_PERMITTED, "")
    assert "system.journal may not be read" in done.stderr
    assert "systemd-journal" in done.stderr


def test_what_comes_is_followed(host: Host) -> None:
    host.docker()
    host.journal.write(lines(1))
    argv = [sys.executable, "-m", "agent", *host.arguments("web", "-f")]
    out = host.root / "out"
    with out.open("wb") as file, subprocess.Popen(argv, cwd=ROOT, stdout=file) as following:
        try:
            wait_for(lambda: out.read_bytes() == b"line 0\n", 20, "what is there")
            host.journal.write([docker_entry(CONTAINER, "next"), *lines(1, OTHER)])
            wait_for(lambda: out.read_bytes() == b"line 0\nnext\n", 20, "what comes")
        finally:
            following.terminate()
