"""agent/logs/chain.py: blocks in, entries and marks out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logs.batch import Batch
from agent.logs.chain import LINGER, Chain
from agent.logs.ledger import Ledger
from agent.logs.partial import IDLE
from tests.agent.logs.rig import TIME, Said, cri, ledger

NOW = 1000.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "0.log"


@pytest.fixture
def account() -> Ledger:
    return ledger(Said())


@pytest.fixture
def chain(log: Path, account: Ledger) -> Iterator[Chain]:
    log.touch()
    chain = Chain(str(log), "cri", account, [])
    chain.rotation.look(NOW)
    yield chain
    chain.close()


def write(log: Path, *lines: bytes) -> None:
    with log.open("ab") as file:
        file.writelines(lines)


def turn(chain: Chain, now: float = NOW, limit: int = 1 << 20) -> list[Batch]:
    """Read until nothing is unread."""
    batches: list[Batch] = []
    while (unread := chain.next_unread(now)) is not None:
        file, size = unread
        block = file.read(limit) if size > 0 else None
        if block is None or not block.intact:
            batches += chain.begin_anew(file, now, 7)
        else:
            batches += chain.take(file, block.data, 7)
    return batches


def contents(batches: list[Batch]) -> list[str]:
    return [entry[2].decode() for batch in batches for entry in batch.entries]


def marked(batches: list[Batch]) -> list[tuple[int, int]]:
    return [(begin, up_to) for batch in batches for _mark, begin, up_to in batch.marks]


def acknowledge(batches: list[Batch]) -> list[Batch]:
    for batch in batches:
        for mark, _begin, up_to in batch.marks:
            mark.acknowledged = up_to
    return batches


def rotate(log: Path) -> None:
    log.rename(log.with_name("0.log.20261124-031616"))
    log.touch()


def test_lines_become_entries_and_the_mark_moves_behind_them(log: Path, chain: Chain) -> None:
    write(log, cri("one"), cri("two", "stderr"))
    batches = turn(chain)
    assert contents(batches) == ["one", "two"]
    assert marked(batches) == [(0, log.stat().st_size)]
    assert chain.ledger.counters.lines == 2
    assert chain.ledger.counters.bytes == log.stat().st_size


def test_an_unfinished_line_waits_and_the_mark_with_it(log: Path, chain: Chain) -> None:
    write(log, cri("one"), cri("two")[:-5])
    assert marked(turn(chain)) == [(0, len(cri("one")))]
    write(log, cri("two")[-5:])
    assert contents(turn(chain)) == ["two"]


def test_the_mark_never_passes_a_piece_of_an_open_line(log: Path, chain: Chain) -> None:
    first, piece = cri("first"), cri("pie", tag="P")
    write(log, first, piece, cri("between", "stderr"))
    batches = turn(chain)
    assert contents(batches) == ["first", "between"]
    assert marked(batches) == [(0, len(first))]
    write(log, cri("ce"))
    batches = turn(chain)
    assert contents(batches) == ["piece"]
    assert marked(batches) == [(len(first), log.stat().st_size)]


def test_a_line_whose_pieces_lie_in_two_files_is_joined(log: Path, chain: Chain) -> None:
    write(log, cri("first"), cri("pie", tag="P"))
    turn(chain)
    rotate(log)
    write(log, cri("between", "stderr"))
    chain.rotation.look(NOW)
    batches = turn(chain)
    assert contents(batches) == ["between"]
    assert marked(batches) == [], "the second file may hold pieces of the open line"
    write(log, cri("ce"))
    batches = turn(chain)
    assert contents(batches) == ["piece"]
    assert [up_to for _begin, up_to in marked(batches)] == [
        len(cri("first") + cri("pie", tag="P")),
        log.stat().st_size,
    ]


def test_a_rotated_file_is_read_before_the_new_one_also_when_written_late(
    log: Path, chain: Chain
) -> None:
    write(log, cri("one"))
    old = log.open("ab")
    rotate(log)
    with old:
        old.write(cri("two"))
    write(log, cri("three"))
    chain.rotation.look(NOW)
    assert contents(turn(chain)) == ["one", "two", "three"]


def test_a_rotated_file_is_closed_when_it_has_been_quiet(log: Path, chain: Chain) -> None:
    write(log, cri("one"), b"torn")
    acknowledge(turn(chain))
    chain.rotation.marks[0].acknowledged = 0
    rotate(log)
    chain.rotation.look(NOW)
    assert list(chain.retire(NOW + LINGER - 0.1, 7)) == []
    batches = list(chain.retire(NOW + LINGER, 7))
    assert contents(batches) == ["torn"]
    assert len(chain.rotation.files) == 2, "not acknowledged yet"
    assert chain.rotation.records()[0].offset == 0
    acknowledge(batches)
    assert list(chain.retire(NOW + LINGER, 7)) == []
    assert len(chain.rotation.files) == 1


def test_rotated_files_are_closed_in_a_container_that_is_always_rotated(
    log: Path, chain: Chain
) -> None:
    """A file comes every second: the one before it gets its time, and not all the others again."""
    for second in range(30):
        now = NOW + second
        write(log, cri(f"line {second}"))
        chain.rotation.look(now, force=True)
        acknowledge(turn(chain, now))
        list(chain.retire(now, 7))
        log.rename(log.with_name(f"0.log.20261124-{second:06d}"))
        log.touch()
    assert len(chain.rotation.files) <= LINGER + 2


def test_an_unread_rotated_file_stays_open_however_long_it_takes(log: Path, chain: Chain) -> None:
    write(log, cri("one"))
    rotate(log)
    chain.rotation.look(NOW)
    log.with_name("0.log.20261124-031616").unlink()
    assert list(chain.retire(NOW + 1e6, 7)) == []
    assert contents(turn(chain, NOW + 1e6)) == ["one"]


def test_a_deleted_file_whose_writer_may_live_stays_open(log: Path, chain: Chain) -> None:
    with log.open("ab") as file:
        log.unlink()
        file.write(cri("one"))
        file.flush()
        assert contents(turn(chain)) == ["one"]
        assert list(chain.retire(NOW + 1e6, 7)) == []
        file.write(cri("two"))
        file.flush()
        assert contents(turn(chain)) == ["two"]


def test_a_truncated_file_begins_anew_and_the_loss_is_counted(log: Path, chain: Chain) -> None:
    write(log, cri("one"), cri("two"))
    turn(chain, limit=len(cri("one")))
    write(log, cri("three"))
    file, _size = chain.next_unread(NOW) or pytest.fail("nothing unread")
    file.read(1)  # the worker saw that the file had grown
    os.truncate(log, 0)
    write(log, cri("four"))
    assert contents(turn(chain)) == ["four"]
    lost = chain.ledger.counters.lost["truncated"]
    assert (lost.times, lost.bytes) == (1, len(cri("three")))


def test_a_line_left_open_by_a_truncation_is_not_joined_to_the_next(
    log: Path, chain: Chain
) -> None:
    write(log, cri("pie", tag="P"))
    turn(chain)
    os.truncate(log, 0)
    write(log, cri("next"))
    assert contents(turn(chain)) == ["pie", "next"]


def test_a_line_left_open_before_a_gap_is_not_joined_to_what_follows(
    log: Path, chain: Chain
) -> None:
    write(log, cri("pie", tag="P"))
    turn(chain)
    chain.rotation.files[-1].after_gap = True
    write(log, cri("next"), cri("after"))
    assert contents(turn(chain)) == ["pie", "next", "after"]


def test_a_file_rewritten_longer_begins_anew(log: Path, chain: Chain) -> None:
    write(log, cri("one"))
    turn(chain)
    log.write_bytes(cri("two", "stderr") + cri("three"))
    assert contents(turn(chain)) == ["two", "three"]


def test_invalid_bytes_cost_only_themselves(log: Path, chain: Chain) -> None:
    bad = f"{TIME} stdout F b\udcffd\n".encode("utf-8", "surrogateescape")
    write(log, cri("before"), bad, cri("ä"))
    batches = turn(chain)
    assert contents(batches) == ["before", "b\ufffdd", "ä"]
    assert marked(batches) == [(0, log.stat().st_size)], "offsets are the file's, not the text's"
    assert chain.ledger.counters.invalid_utf8 == 1


def test_a_line_over_the_limit_is_cut_noted_and_counted(log: Path, chain: Chain) -> None:
    write(log, cri("before"), cri("x" * 300_000), cri("after"))
    batches = turn(chain, limit=65536)
    entries = [entry for batch in batches for entry in batch.entries]
    assert [len(entry[2]) for entry in entries] == [6, 256 * 1024 - len(cri("")) + 1, 5]
    assert entries[1][3] == {"note": "cut"}
    lost = chain.ledger.counters.lost["too_long"]
    assert (lost.times, lost.lines) == (1, 1)
    assert lost.bytes == len(cri("x" * 300_000)) - 1 - 256 * 1024


def test_a_line_that_does_not_parse_is_delivered_raw(log: Path, chain: Chain) -> None:
    write(log, b"no time\n")
    ((entry,),) = [batch.entries for batch in turn(chain)]
    assert entry == (7, "", b"no time", {"note": "unparsed"}, False)
    assert chain.ledger.counters.parse_failures == 1


def test_the_last_words_of_a_silent_container_go_out(log: Path, chain: Chain) -> None:
    write(log, cri("last wor", tag="P"))
    turn(chain)
    assert list(chain.retire(NOW + IDLE - 1, 7)) == []
    batches = list(chain.retire(NOW + IDLE, 7))
    assert contents(batches) == ["last wor"]
    assert marked(batches) == [(0, log.stat().st_size)]


def test_the_last_words_of_a_container_that_is_gone_go_out_sooner(log: Path, chain: Chain) -> None:
    write(log, cri("last wor", tag="P"))
    turn(chain)
    chain.rotation.source_gone = True
    batches = acknowledge(list(chain.retire(NOW + LINGER, 7)))
    assert contents(batches) == ["last wor"]
    list(chain.retire(NOW + LINGER, 7))
    assert chain.rotation.files == []


def test_closing_counts_what_only_we_held(log: Path, chain: Chain) -> None:
    write(log, cri("one"))
    log.unlink()
    chain.close()
    assert chain.ledger.counters.lost["unlinked"].bytes == len(cri("one"))


def test_closing_loses_nothing_that_is_on_disk(log: Path, chain: Chain) -> None:
    write(log, cri("one"))
    chain.close()
    assert chain.ledger.counters.lost == {}


def test_lag_is_what_is_not_acknowledged(log: Path, chain: Chain) -> None:
    write(log, cri("one"), cri("two"))
    chain.measure(NOW, 0)
    assert chain.ledger.counters.lag_bytes == log.stat().st_size
    for batch in turn(chain):
        for mark, _begin, up_to in batch.marks:
            chain.measure(NOW, 0)
            assert chain.ledger.counters.lag_bytes == log.stat().st_size
            mark.acknowledged = up_to
    chain.measure(NOW, 0)
    assert chain.ledger.counters.lag_bytes == 0


def test_a_log_deleted_by_hand_is_read_as_long_as_somebody_writes_to_it(
    log: Path, chain: Chain
) -> None:
    writer = log.open("ab", buffering=0)
    log.unlink()
    chain.rotation.source_gone = True
    later = NOW + LINGER + 1
    assert list(chain.retire(later, 7)) == []
    writer.write(cri("after the deletion"))
    assert contents(acknowledge(turn(chain, later))) == ["after the deletion"]
    writer.close()
    list(chain.retire(later + LINGER + 1, 7))
    assert chain.rotation.files == []
    assert chain.ledger.counters.lost == {}


def test_a_character_that_a_runtime_cut_in_two_is_whole_again(log: Path, chain: Chain) -> None:
    """containerd cuts at 16 KiB and conmon at 8, wherever in a character that is."""
    euro = "€".encode()
    write(
        log,
        TIME.encode() + b" stdout P x" + euro[:1] + b"\n",
        TIME.encode() + b" stdout F " + euro[1:] + b"\n",
        cri("€ alone"),
        TIME.encode() + b" stdout F \xff\n",
    )
    assert contents(turn(chain)) == ["x€", "€ alone", "\ufffd"]
    assert chain.ledger.counters.invalid_utf8 == 1
