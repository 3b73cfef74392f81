"""agent/logs/rotation.py: which files, in which order, from which offset."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logs.checkpoint import FileRecord
from agent.logs.ledger import Ledger
from agent.logs.rotation import Rotation
from tests.agent.logs.rig import ledger

BASE = "c-json.log"


@pytest.fixture
def account() -> Ledger:
    return ledger()


@pytest.fixture
def opened() -> Iterator[list[Rotation]]:
    rotations: list[Rotation] = []
    yield rotations
    for rotation in rotations:
        for file in rotation.files:
            file.close()


class Host:
    """A directory of log files, and rotations that look at it."""

    def __init__(self, path: Path, account: Ledger, opened: list[Rotation]) -> None:
        self.path = path
        self.account = account
        self._opened = opened
        self._written = 0

    def write(self, name: str = BASE, lines: int = 3) -> None:
        with (self.path / name).open("ab") as file:
            for _ in range(lines):
                self._written += 1
                file.write(b"line %06d\n" % self._written)

    def rotate(self) -> None:
        number = 1
        while (self.path / f"{BASE}.{number}").exists():
            number += 1
        for older in range(number, 1, -1):
            (self.path / f"{BASE}.{older - 1}").rename(self.path / f"{BASE}.{older}")
        (self.path / BASE).rename(self.path / f"{BASE}.1")

    def rotation(
        self, remembered: list[FileRecord] | None = None, *, at_end: bool = False
    ) -> Rotation:
        rotation = Rotation(
            str(self.path / BASE), self.account, list(remembered or ()), at_end=at_end
        )
        self._opened.append(rotation)
        rotation.look(0.0)
        return rotation

    def read(self, rotation: Rotation) -> list[int]:
        """Read everything in order; return the numbers of the lines."""
        out: list[int] = []
        for file in rotation.files:
            data = file.read(1_000_000).data
            file.offset += len(data)
            file.mark.processed = file.mark.marked = file.mark.acknowledged = file.offset
            out += [int(line.split()[1]) for line in data.splitlines()]
        return out

    @property
    def lost(self) -> dict[str, int]:
        return {cause: lost.times for cause, lost in self.account.counters.lost.items()}


@pytest.fixture
def host(tmp_path: Path, account: Ledger, opened: list[Rotation]) -> Host:
    return Host(tmp_path, account, opened)


def test_a_new_container_is_read_from_the_start_of_its_oldest_file(host: Host) -> None:
    for _ in range(2):
        host.write()
        host.rotate()
    host.write()
    assert host.read(host.rotation()) == list(range(1, 10))


def test_only_new_lines_are_read_where_the_operator_wants_that(host: Host) -> None:
    host.write()
    host.rotate()
    host.write()
    rotation = host.rotation(at_end=True)
    assert host.read(rotation) == []
    host.write(lines=1)
    assert host.read(rotation) == [7]


def test_a_file_that_appears_later_is_new_also_then(host: Host) -> None:
    rotation = host.rotation(at_end=True)
    host.write()
    rotation.look(1.0)
    assert host.read(rotation) == [1, 2, 3]


def test_files_rotated_away_between_two_looks_are_read_in_order(host: Host) -> None:
    host.write()
    rotation = host.rotation()
    assert host.read(rotation) == [1, 2, 3]
    host.write()
    for _ in range(3):
        host.rotate()
        host.write()
    rotation.look(1.0)
    assert host.read(rotation) == list(range(4, 16))


def test_after_a_restart_it_goes_on_through_what_was_rotated_meanwhile(host: Host) -> None:
    host.write()
    host.rotate()
    host.write()
    before = host.rotation()
    assert host.read(before) == [1, 2, 3, 4, 5, 6]
    host.write()
    for _ in range(2):
        host.rotate()
        host.write()
    after = host.rotation(before.records())
    assert host.read(after) == list(range(7, 16))
    assert host.lost == {}


def test_files_that_were_skipped_at_first_are_skipped_after_a_restart(host: Host) -> None:
    host.write()
    host.rotate()
    host.write()
    before = host.rotation(at_end=True)
    host.write(lines=1)
    assert host.read(host.rotation(before.records())) == [7]


def test_a_checkpointed_file_that_is_gone_is_counted_and_the_rest_is_read(host: Host) -> None:
    host.write()
    before = host.rotation()
    host.read(before)
    records = before.records()
    before.files[0].close()
    before.files.clear()
    (host.path / BASE).unlink()
    host.write()
    after = host.rotation(records)
    assert host.read(after) == [4, 5, 6]
    assert host.lost == {"missing": 1}


def test_a_finished_file_that_is_gone_is_no_loss(host: Host) -> None:
    host.write()
    before = host.rotation()
    host.read(before)
    host.rotate()
    host.write()
    before.look(1.0)
    host.read(before)
    before.retire(before.files[0])
    (host.path / f"{BASE}.1").unlink()
    host.write()
    assert host.read(host.rotation(before.records())) == [7, 8, 9]
    assert host.lost == {}


@pytest.mark.parametrize("written", [0, 3])
def test_a_delivered_file_that_was_left_for_a_newer_one_is_no_loss_when_it_is_gone(
    host: Host, written: int
) -> None:
    host.write()
    rotation = host.rotation()
    host.read(rotation)
    host.rotate()
    host.write(lines=written)
    rotation.look(1.0, force=True)
    host.read(rotation)
    assert len(rotation.files) == 2, "it is still open"
    records = rotation.records()
    (host.path / f"{BASE}.1").unlink()
    host.rotation(records)
    # While nothing is in the newer one, its runtime may still write to the older.
    assert ("missing" in host.account.counters.lost) == (written == 0)


def test_a_file_rewritten_while_nobody_read_is_read_from_its_start(host: Host) -> None:
    host.write()
    before = host.rotation()
    host.read(before)
    (host.path / BASE).write_bytes(b"other 000100\nother 000101\nother 000102\nother 000103\n")
    assert host.read(host.rotation(before.records())) == [100, 101, 102, 103]
    assert host.lost == {"missing": 1}


def test_a_file_cut_short_while_nobody_read_is_read_from_its_start(host: Host) -> None:
    host.write(lines=200)
    before = host.rotation()
    assert len(host.read(before)) == 200
    os.truncate(host.path / BASE, 12 * 190)
    assert host.read(host.rotation(before.records())) == list(range(1, 191))
    assert host.lost == {"truncated": 1}


def test_a_restored_file_is_known_by_its_full_head_alone(host: Host, tmp_path: Path) -> None:
    host.write(lines=200)
    before = host.rotation()
    assert len(host.read(before)) == 200
    data = (host.path / BASE).read_bytes()
    (host.path / "copy").write_bytes(data)
    (host.path / "copy").rename(host.path / BASE)
    host.write(lines=1)
    assert host.read(host.rotation(before.records())) == [201]
    assert host.lost == {}


def copytruncate(host: Host, name: str = f"{BASE}.1") -> None:
    (host.path / name).write_bytes((host.path / BASE).read_bytes())
    os.truncate(host.path / BASE, 0)


def test_what_copytruncate_took_away_is_read_in_the_copy_and_first(host: Host) -> None:
    host.write(lines=200)
    rotation = host.rotation()
    assert len(host.read(rotation)) == 200
    host.write(lines=2)
    copytruncate(host)
    host.write(lines=1)
    file = rotation.files[0]
    assert file.unread() < 0
    assert rotation.begin_anew(file, 1.0)
    assert host.read(rotation) == [201, 202, 203]
    rotation.look(2.0, force=True)
    assert host.read(rotation) == []
    records = rotation.records()
    assert [record.offset for record in records] == [12 * 202, 12]
    assert host.read(host.rotation(records)) == []


def test_what_was_copied_and_cut_twice_and_then_deleted_is_read_in_order(host: Host) -> None:
    """Before anything of it was read, as when the destination is away for long."""
    host.write(lines=200)
    rotation = host.rotation()
    copytruncate(host)
    rotation.look(1.0, force=True)
    host.write(lines=200)
    (host.path / f"{BASE}.1").rename(host.path / f"{BASE}.2")
    copytruncate(host)
    rotation.look(2.0, force=True)
    host.write(lines=200)
    rotation.look(3.0, force=True)
    (host.path / f"{BASE}.2").rename(host.path / f"{BASE}.3")
    (host.path / f"{BASE}.1").rename(host.path / f"{BASE}.2")
    (host.path / BASE).rename(host.path / f"{BASE}.1")
    compress(host.path / f"{BASE}.1")
    host.write(lines=1)
    rotation.look(4.0, force=True)
    assert host.read(rotation) == list(range(1, 602))
    assert host.account.counters.lost == {}


def test_what_was_cut_unread_is_lost_in_its_place(host: Host) -> None:
    """And what came then is in a copy, so that only the next look sees any of it."""
    host.write(lines=200)
    rotation = host.rotation()
    os.truncate(host.path / BASE, 0)
    host.write(lines=200)
    copytruncate(host)
    host.write(lines=1)
    rotation.look(2.0, force=True)
    assert host.account.counters.lost["truncated"].times == 1
    assert [file.after_gap for file in rotation.files] == [True, False]
    assert host.read(rotation) == list(range(201, 402))
    assert host.account.counters.lost["truncated"].times == 1


def test_a_copy_that_is_seen_in_the_making_is_not_read_beside_the_file(host: Host) -> None:
    host.write(lines=200)
    rotation = host.rotation()
    host.read(rotation)
    data = (host.path / BASE).read_bytes()
    for size in (0, 10, 1500, len(data)):
        (host.path / f"{BASE}.1").write_bytes(data[:size])
        rotation.look(2.0, force=True)
        assert host.read(rotation) == []
    host.write(lines=1)
    copytruncate(host)
    assert rotation.begin_anew(rotation.files[0], 3.0)
    assert host.read(rotation) == [201]


def compress(path: Path) -> None:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    path.unlink()


def test_after_a_restart_it_goes_on_inside_a_compressed_file(host: Host) -> None:
    host.write(lines=5)
    before = host.rotation()
    assert host.read(before) == [1, 2, 3, 4, 5]
    host.write(lines=5)
    host.rotate()
    compress(host.path / f"{BASE}.1")
    host.write()
    after = host.rotation(before.records())
    assert host.read(after) == list(range(6, 14))
    assert host.lost == {}
    assert host.read(host.rotation(after.records())) == []


def test_compressed_files_nobody_knows_are_read_in_order(host: Host) -> None:
    for _ in range(3):
        host.write()
        host.rotate()
    for number in (2, 3):
        compress(host.path / f"{BASE}.{number}")
    host.write()
    assert host.read(host.rotation()) == list(range(1, 13))


def test_what_was_read_before_it_was_compressed_is_not_read_again(host: Host) -> None:
    host.write()
    rotation = host.rotation()
    host.read(rotation)
    host.rotate()
    host.write()
    rotation.look(1.0)
    assert host.read(rotation) == [4, 5, 6]
    rotation.retire(rotation.files[0])
    compress(host.path / f"{BASE}.1")
    rotation.look(2.0, force=True)
    assert host.read(rotation) == []
    assert len(rotation.files) == 1
    assert [record.done for record in rotation.records()] == [True, False]
    assert host.read(host.rotation(rotation.records())) == []


def test_a_file_compressed_while_it_is_read_is_read_to_its_end_and_not_twice(host: Host) -> None:
    host.write(lines=4)
    rotation = host.rotation()
    host.rotate()
    compress(host.path / f"{BASE}.1")
    host.write(lines=1)
    rotation.look(1.0, force=True)
    assert len(rotation.files) == 2
    assert host.read(rotation) == [1, 2, 3, 4, 5]
    rotation.retire(rotation.files[0])
    rotation.look(2.0)
    assert host.read(rotation) == []
    assert [record.done for record in rotation.records()] == [True, False]


def test_a_held_file_is_given_up_for_its_compressed_copy(host: Host) -> None:
    host.write(lines=4)
    rotation = host.rotation()
    file = rotation.files[0]
    file.offset = file.mark.processed = 2 * 12
    host.rotate()
    compress(host.path / f"{BASE}.1")
    host.write(lines=1)
    rotation.look(1.0, force=True)
    assert file.unlinked()
    assert rotation.switch(file)
    assert not file.unlinked()
    assert host.read(rotation) == [3, 4, 5]


def test_a_damaged_compressed_file_stops_nobody_else(host: Host) -> None:
    host.write(lines=300)
    host.rotate()
    compress(host.path / f"{BASE}.1")
    path = host.path / f"{BASE}.1.gz"
    path.write_bytes(path.read_bytes()[:-40])
    (host.path / f"{BASE}.2.gz").write_bytes(b"not gzip")
    host.write(lines=1)
    rotation = host.rotation()
    damaged, good = rotation.files
    data = damaged.read(100_000).data
    assert data.startswith(b"line 000001\n")
    assert damaged.inflated is not None
    assert damaged.inflated.damage
    assert damaged.unread() == 0
    assert good.read(100).data == b"line 000301\n"


def test_a_closed_file_that_grows_is_opened_again(host: Host) -> None:
    host.write()
    rotation = host.rotation()
    host.read(rotation)
    host.rotate()
    host.write()
    rotation.look(1.0)
    host.read(rotation)
    rotation.retire(rotation.files[0])
    host.write(f"{BASE}.1", lines=1)
    rotation.look(100.0)
    assert host.read(rotation) == [7]


def test_a_reused_inode_is_a_new_file(host: Host) -> None:
    host.write()
    rotation = host.rotation()
    host.read(rotation)
    host.rotate()
    host.write()
    rotation.look(1.0)
    host.read(rotation)
    rotation.retire(rotation.files[0])
    # What reuse of the inode looks like: the closed file's number, with other bytes.
    (host.path / f"{BASE}.1").write_bytes(b"other 000100\nother 000101\nother 000102\nxx 000103\n")
    rotation.look(2.0, force=True)
    assert host.read(rotation) == [100, 101, 102, 103]


def test_a_file_that_was_empty_is_not_known_by_its_inode(host: Host) -> None:
    (host.path / BASE).touch()
    before = host.rotation()
    records = before.records()
    host.rotate()
    host.write()
    host.rotate()
    host.write(lines=1)
    # The first file is deleted, and a later one has its inode: which one it is decides what is old.
    (host.path / f"{BASE}.2").unlink()
    moved = [
        FileRecord(r.path, (host.path / BASE).stat().st_ino, r.head, 0, False) for r in records
    ]
    assert host.read(host.rotation(moved)) == [1, 2, 3, 4]
    assert host.lost == {}


def test_a_truncated_file_keeps_its_place_before_newer_ones(host: Host) -> None:
    host.write()
    rotation = host.rotation()
    host.read(rotation)
    os.truncate(host.path / BASE, 0)
    host.write(lines=1)
    host.rotate()
    host.write(lines=1)
    rotation.look(1.0)
    rotation.begin_anew(rotation.files[0], 2.0)
    assert host.read(rotation) == [4, 5]


def test_only_new_lines_is_for_containers_that_were_never_read(host: Host) -> None:
    (host.path / BASE).touch()
    before = host.rotation(at_end=True)
    host.write()
    assert host.read(host.rotation(before.records(), at_end=True)) == [1, 2, 3]


def test_a_rotation_during_the_look_loses_no_file(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.write()
    rotation = host.rotation()
    host.read(rotation)
    host.rotate()
    host.write()
    host.rotate()
    host.write()
    real_open = os.open
    rotations = 2

    def open_and_rotate(path: str, flags: int, *rest: int) -> int:
        nonlocal rotations
        if rotations and str(path).startswith(str(host.path / BASE)):
            rotations -= 1
            host.rotate()
            (host.path / BASE).write_bytes(b"late %06d\n" % (100 - rotations))
        return real_open(path, flags, *rest)

    monkeypatch.setattr(os, "open", open_and_rotate)
    rotation.look(1.0)
    assert host.read(rotation) == [4, 5, 6, 7, 8, 9, 99, 100]


def test_a_log_that_cannot_be_opened_is_said_and_its_lag_is_unknown(host: Host) -> None:
    (host.path / BASE).mkdir()
    rotation = host.rotation()
    assert rotation.files == []
    assert host.account.counters.lag_bytes is None
    assert host.account.faults.count == 1


def test_a_container_is_gone_when_its_last_file_is(host: Host) -> None:
    host.write()
    rotation = host.rotation()
    host.read(rotation)
    rotation.source_gone = True
    rotation.retire(rotation.files[0])
    assert not rotation.gone
    (host.path / BASE).unlink()
    assert rotation.gone
