"""The journal's intake, on real journal files read by systemd's own library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from agent.logs.checkpoint import FileRecord, decode, encode
from agent.logs.ending import unknown
from agent.logs.entry import Entry
from agent.logs.faults import FaultLog
from agent.logs.journal.fields import sequence_of
from agent.logs.journal.intake import JournalIntake
from agent.logs.journal.library import JournalUnavailable, open_journal
from agent.logs.processing.rules import Rules
from agent.logs.tail import FileMark
from tests.agent.logs.journal.journal_files import (
    CONTAINER,
    OTHER,
    START_US,
    Fields,
    JournalFiles,
    docker_entry,
)

READ_NS = 1_790_000_000_000_000_000


class NoEncoder:
    """Entries are looked at, not encoded."""

    def encode(self, entries: Sequence[Entry]) -> bytes:
        return b""


class Rig:
    """An intake on a directory of journal files, and everything it handed on."""

    def __init__(
        self,
        directory: Path,
        remembered: FileRecord | None = None,
        *,
        from_start: bool = True,
        units: tuple[str, ...] = (),
        alive: Callable[[str], bool | None] = unknown,
    ) -> None:
        self.said: list[str] = []
        faults = FaultLog(self.said.append, lambda: 0.0, lambda: 0.0)
        try:
            reader = open_journal(str(directory))
        except JournalUnavailable as reason:
            pytest.skip(str(reason))
        self.fields: list[Mapping[str, str]] = []
        self.intake = JournalIntake(
            reader, remembered, self._encoder, faults, Rules(),
            from_start=from_start, units=units, alive=alive,
        )  # fmt: skip
        self.lines: list[tuple[str, str, str]] = []
        self.marks: list[tuple[FileMark, int]] = []

    def _encoder(self, fields: Mapping[str, str]) -> NoEncoder:
        self.fields.append(fields)
        return NoEncoder()

    def read(self, now: float = 0.0) -> list[tuple[str, str, str]]:
        """Read to the journal's end; return (name or id, stream, line) of what is new."""
        begin = len(self.lines)
        more = True
        while more:
            turn = self.intake.read()
            more = turn.more
            self._keep(self.intake.take(turn, now, READ_NS))
        return self.lines[begin:]

    def retire(self, now: float) -> None:
        self._keep(self.intake.retire(now, READ_NS))

    def acknowledge(self) -> None:
        """The destination took everything that was handed on."""
        for mark, up_to in self.marks:
            mark.acknowledged = up_to

    def checkpoint(self) -> FileRecord:
        (record,) = decode(encode(self.intake.records()))
        return record

    def lost(self) -> int:
        """How often something was lost."""
        lost = [counters.lost.get("vacuumed") for counters in self.intake.counters(READ_NS)]
        return sum(one.times for one in lost if one is not None)

    def _keep(self, batches) -> None:  # type: ignore[no-untyped-def]
        for stream, batch in batches:
            for entry in batch.entries:
                self.lines.append((stream.container.id[:2], entry[1], entry[2].decode()))
            self.marks += [(mark, up_to) for mark, _begin, up_to in batch.marks]


@pytest.fixture
def journal(tmp_path: Path) -> JournalFiles:
    return JournalFiles(tmp_path)


def numbered(count: int, first: int = 0, container: str = CONTAINER) -> list[Fields]:
    return [docker_entry(container, f"line {first + number}") for number in range(count)]


def texts(lines: list[tuple[str, str, str]]) -> list[str]:
    return [text for _id, _stream, text in lines]


def test_each_containers_lines_in_order(journal: JournalFiles) -> None:
    mixed: list[Fields] = []
    for number in range(20):
        mixed.append(docker_entry(CONTAINER, f"a {number}"))
        mixed.append(docker_entry(OTHER, f"b {number}", PRIORITY="3"))
        mixed.append({"MESSAGE": "the host's own", "_SYSTEMD_UNIT": "cron.service"})
    journal.write(mixed)
    rig = Rig(journal.directory)
    lines = rig.read()
    assert [line for line in lines if line[0] == "4f"] == [
        ("4f", "stdout", f"a {number}") for number in range(20)
    ]
    assert [line for line in lines if line[0] == "a0"] == [
        ("a0", "stderr", f"b {number}") for number in range(20)
    ]
    assert len(lines) == 40
    assert rig.fields[0]["container_id"] == CONTAINER
    assert rig.fields[0]["image"] == "shop/web:1"


def test_bytes_come_as_they_were_written(journal: JournalFiles) -> None:
    long = "x" * 100_000
    journal.write([docker_entry(CONTAINER, text) for text in ("two\nlines", "", "ä ☃", long)])
    assert texts(Rig(journal.directory).read()) == ["two\nlines", "", "ä ☃", long]


def test_units_where_asked_for(journal: JournalFiles) -> None:
    journal.write([{"MESSAGE": "up", "_SYSTEMD_UNIT": "nginx.service", "PRIORITY": "6"}])
    assert Rig(journal.directory).read() == []
    assert texts(Rig(journal.directory, units=("nginx*",)).read()) == ["up"]


def test_what_is_written_later_is_read(journal: JournalFiles) -> None:
    journal.write(numbered(3))
    rig = Rig(journal.directory)
    assert len(rig.read()) == 3
    journal.write(numbered(2, 3))
    assert texts(rig.read()) == ["line 3", "line 4"]


def test_a_restart_goes_on_after_what_was_acknowledged(journal: JournalFiles) -> None:
    journal.write(numbered(5))
    first = Rig(journal.directory)
    first.read()
    first.acknowledge()
    record = first.checkpoint()
    assert record.offset == 5
    first.intake.close()
    journal.write(numbered(3, 5))
    second = Rig(journal.directory, record)
    assert texts(second.read()) == ["line 5", "line 6", "line 7"]
    second.acknowledge()
    assert second.checkpoint().offset == 8
    assert second.lost() == 0


def test_nothing_acknowledged_is_sent_again(journal: JournalFiles) -> None:
    journal.write(numbered(4))
    first = Rig(journal.directory)
    first.read()
    first.acknowledge()
    record = first.checkpoint()
    journal.write(numbered(2, 4))
    first.read()
    assert first.checkpoint() == record
    assert texts(Rig(journal.directory, record).read()) == ["line 4", "line 5"]


@pytest.mark.usefixtures("short_pieces")
def test_pieces_are_joined_by_container_and_stream(journal: JournalFiles) -> None:
    piece = {"CONTAINER_PARTIAL_MESSAGE": "true"}
    journal.write(
        [
            docker_entry(CONTAINER, "be", **piece),
            docker_entry(OTHER, "o1"),
            docker_entry(CONTAINER, "err", PRIORITY="3"),
            docker_entry(CONTAINER, "gin", **piece),
            docker_entry(CONTAINER, "ning"),
        ]
    )
    lines = Rig(journal.directory).read()
    assert lines == [("a0", "stdout", "o1"), ("4f", "stderr", "err"), ("4f", "stdout", "beginning")]


@pytest.mark.usefixtures("short_pieces")
def test_the_mark_waits_for_an_open_line(journal: JournalFiles) -> None:
    journal.write(
        [
            docker_entry(CONTAINER, "whole"),
            docker_entry(CONTAINER, "be", CONTAINER_PARTIAL_MESSAGE="true"),
            docker_entry(OTHER, "o1"),
        ]
    )
    first = Rig(journal.directory)
    first.read()
    first.acknowledge()
    record = first.checkpoint()
    assert record.offset == 1
    journal.write([docker_entry(CONTAINER, "gin")])
    assert texts(Rig(journal.directory, record).read()) == ["o1", "begin"]


@pytest.mark.usefixtures("short_pieces")
def test_a_line_nobody_finishes_goes_out(journal: JournalFiles) -> None:
    journal.write([docker_entry(CONTAINER, "prompt> ", CONTAINER_PARTIAL_MESSAGE="true")])
    rig = Rig(journal.directory)
    assert rig.read() == []
    rig.retire(59.0)
    assert rig.lines == []
    rig.retire(61.0)
    assert texts(rig.lines) == ["prompt> "]
    rig.acknowledge()
    assert rig.checkpoint().offset == 1


def test_dockers_last_words_wait_for_nothing(journal: JournalFiles) -> None:
    """A piece that is shorter than those that Docker cuts is the end of its stream."""
    piece = {"CONTAINER_PARTIAL_MESSAGE": "true"}
    journal.write(
        [docker_entry(CONTAINER, "x" * 16384, **piece), docker_entry(CONTAINER, "end", **piece)]
    )
    assert texts(Rig(journal.directory).read()) == ["x" * 16384 + "end"]


def test_podmans_last_words_wait_for_the_containers_end(journal: JournalFiles) -> None:
    journal.write(
        [docker_entry(CONTAINER, "last words", CONTAINER_PARTIAL_MESSAGE="true", _COMM="conmon")]
    )
    runs: bool | None = True
    rig = Rig(journal.directory, alive=lambda _id: runs)
    assert rig.read() == []
    rig.retire(5.0)
    assert rig.lines == []
    runs = None
    rig.retire(6.0)
    assert rig.lines == [], "it is not known that it ended"
    runs = False
    rig.retire(7.0)
    assert texts(rig.lines) == ["last words"]


def test_only_new_lines_where_the_start_is_not_wanted(journal: JournalFiles) -> None:
    journal.write(numbered(3))
    rig = Rig(journal.directory, from_start=False)
    assert rig.read() == []
    record = rig.checkpoint()  # so that a restart does not take the new ones for old
    journal.write(numbered(2, 3))
    assert texts(Rig(journal.directory, record, from_start=False).read()) == ["line 3", "line 4"]


def test_an_empty_journal_has_a_beginning_too(journal: JournalFiles) -> None:
    rig = Rig(journal.directory, from_start=False)
    assert rig.read() == []
    record = rig.checkpoint()
    assert (record.offset, record.cursor) == (0, "")
    journal.write(numbered(2))
    # Whoever goes on and whoever starts again: neither takes the new ones for old.
    assert texts(rig.read()) == ["line 0", "line 1"]
    assert texts(Rig(journal.directory, record, from_start=False).read()) == ["line 0", "line 1"]


def test_entries_nobody_asked_for_are_no_loss_when_they_go(journal: JournalFiles) -> None:
    own = {"MESSAGE": "the host's own", "_SYSTEMD_UNIT": "cron.service"}
    journal.write([*numbered(2), own, own])
    first = Rig(journal.directory)
    first.read()
    first.acknowledge()
    record = first.checkpoint()
    first.intake.close()
    assert record.offset == 2
    before = sequence_of(record.cursor)
    assert before is not None
    assert before.number == 4  # so what is missing is counted from there


def test_lag_is_the_age_of_the_oldest_entry_that_is_not_acknowledged(
    journal: JournalFiles,
) -> None:
    journal.write([docker_entry(CONTAINER, "a"), docker_entry(OTHER, "b")])
    rig = Rig(journal.directory)
    rig.read()
    wall_ns = (START_US + 5_000_000) * 1000
    lags = {counters.id: counters.lag_seconds for counters in rig.intake.counters(wall_ns)}
    assert lags == {CONTAINER: 5.0, OTHER: pytest.approx(5.0, abs=1e-5)}
    rig.acknowledge()
    assert [counters.lag_seconds for counters in rig.intake.counters(wall_ns)] == [0.0, 0.0]
    assert [counters.lag_bytes for counters in rig.intake.counters(wall_ns)] == [None, None]


def test_entries_rotated_away_unread_are_counted(journal: JournalFiles) -> None:
    old = journal.write(numbered(3), "a")
    rig = Rig(journal.directory)
    rig.read()
    rig.acknowledge()
    record = rig.checkpoint()
    rig.intake.close()
    old.unlink()
    journal.write(numbered(2, 7), "b")
    again = Rig(journal.directory, record)
    assert texts(again.read()) == ["line 7", "line 8"]
    assert again.lost() == 1
    assert any("journal" in sentence for sentence in again.said)


def test_a_damaged_checkpoint_reads_everything_and_says_so(journal: JournalFiles) -> None:
    journal.write(numbered(2))
    rig = Rig(journal.directory)
    rig.read()
    rig.acknowledge()
    record = rig.checkpoint()
    damaged = FileRecord(record.path, 0, record.head, 2, False, "no cursor")
    again = Rig(journal.directory, damaged)
    assert texts(again.read()) == ["line 0", "line 1"]
    assert again.lost() == 1


def test_a_directory_that_is_none_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable):
        open_journal(str(tmp_path / "absent"))
