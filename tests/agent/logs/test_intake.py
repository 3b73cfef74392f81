"""agent/logs/intake.py"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agent.container.container import Container
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk import EntryEncoder
from agent.logs.fingerprint import head_of
from agent.logs.intake import ENDED_KEEP, NAME_WAIT, Intake
from agent.logs.tailed import POLL_MAX
from tests.agent.logs.rig import FakeSource, Said, TextEncoder, cri, source


class Rig:
    def __init__(self, *, from_start: bool = True, held_bytes: int = 1 << 30) -> None:
        self.said = Said()
        self.fields: list[Mapping[str, str]] = []
        self.intake = Intake(
            (), self.encoder, self.said.fault_log(), from_start=from_start, held_bytes=held_bytes
        )

    def encoder(self, fields: Mapping[str, str]) -> EntryEncoder:
        self.fields.append(fields)
        return TextEncoder()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.intake.close()


def test_a_container_with_something_to_read_is_due_and_then_asked_often(
    rig: Rig, tmp_path: Path
) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(cri("one"))
    rig.intake.update([source(path)], 0.0)
    assert len(rig.intake.due(0.0)) == 1
    assert rig.intake.due(0.001) == []
    assert len(rig.intake.due(0.03)) == 1


def test_an_idle_container_is_asked_once_a_second(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.touch()
    rig.intake.update([source(path)], 0.0)
    now = 0.0
    for _ in range(20):
        assert rig.intake.due(now) == []
        now += rig.intake.next_poll(now)
    assert rig.intake.next_poll(now - POLL_MAX) == pytest.approx(POLL_MAX)


def test_the_fields_of_its_records_are_what_is_known_of_the_container(
    rig: Rig, tmp_path: Path
) -> None:
    path = tmp_path / "0.log"
    path.touch()
    container = Container(runtime="containerd", id="abc", name="abc", container="web", pod="web-1",
                          namespace="shop", pod_uid="u-1", image="")  # fmt: skip
    rig.intake.update([FakeSource(str(path), container)], 0.0)
    assert rig.fields == [
        {
            "container_name": "web",
            "container_id": "abc",
            "namespace": "shop",
            "pod": "web-1",
            "pod_uid": "u-1",
            "runtime": "containerd",
        }
    ]


def test_a_renamed_container_gets_a_new_encoder(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.touch()
    rig.intake.update([source(path, "old")], 0.0)
    rig.intake.update([source(path, "old")], 1.0)
    assert len(rig.fields) == 1
    rig.intake.update([source(path, "new")], 2.0)
    assert [fields["container_name"] for fields in rig.fields] == ["old", "new"]
    assert rig.intake.counters()[0].name == "new"


def test_a_container_without_a_name_is_opened_but_read_a_little_later(
    rig: Rig, tmp_path: Path
) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(cri("one"))
    nameless = Container(runtime="docker", id="abc", complete=False)
    rig.intake.update([FakeSource(str(path), nameless)], 0.0)
    path.unlink()  # it was short-lived: its bytes are ours already
    assert rig.intake.unnamed(0.0)
    assert rig.intake.due(0.5) == []
    assert len(rig.intake.due(NAME_WAIT + 0.1)) == 1
    assert not rig.intake.unnamed(NAME_WAIT + 0.1)


def test_its_name_ends_the_wait(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(cri("one"))
    rig.intake.update(
        [FakeSource(str(path), Container(runtime="docker", id="a", complete=False))], 0.0
    )
    rig.intake.update([source(path)], 0.2)
    assert len(rig.intake.due(0.2)) == 1


def test_an_unknown_format_is_said_and_left_alone(rig: Rig, tmp_path: Path) -> None:
    rig.intake.update([source(tmp_path / "0.log", log_format="journald")], 0.0)
    assert rig.intake.tailed == {}
    assert "journald" in rig.said[0]


def test_an_ended_container_is_forgotten_after_its_last_numbers_were_seen(
    rig: Rig, tmp_path: Path
) -> None:
    path = tmp_path / "0.log"
    path.touch()
    rig.intake.update([source(path)], 0.0)
    path.unlink()
    rig.intake.update([], 1.0)
    assert list(rig.intake.retire(10.0, 7)) == []
    assert len(rig.intake.counters()) == 1
    assert list(rig.intake.retire(10.0 + ENDED_KEEP + 1, 7)) == []
    assert rig.intake.counters() == []


def test_a_stopped_container_whose_file_stays_goes_on_where_it_was(
    rig: Rig, tmp_path: Path
) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(cri("one"))
    rig.intake.update([source(path)], 0.0)
    (tailed,) = rig.intake.due(0.0)
    file, _size = tailed.chain.next_unread(0.0) or pytest.fail("nothing unread")
    list(tailed.chain.take(file, file.read(1000).data, 7))
    file.mark.acknowledged = file.mark.processed
    rig.intake.update([], 1.0)
    list(rig.intake.retire(20.0, 7))
    assert tailed.chain.rotation.files == []
    with path.open("ab") as log:
        log.write(cri("two"))
    rig.intake.update([source(path)], 30.0)
    file, size = tailed.chain.next_unread(30.0) or pytest.fail("nothing unread")
    assert size == len(cri("two"))


def test_deleted_files_are_given_up_largest_first_when_they_hold_too_much(tmp_path: Path) -> None:
    rig = Rig(held_bytes=1500)
    sizes = {"a": 1000, "b": 3000, "c": 400}
    for name, size in sizes.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.log").write_bytes(b"x" * size)
    paths = {name: tmp_path / name / "0.log" for name in sizes}
    rig.intake.update([source(path) for path in paths.values()], 0.0)
    rig.intake.enforce_budget()
    assert rig.intake.held_bytes == 0, "they are still on disk"
    for path in paths.values():
        path.unlink()
    rig.intake.enforce_budget()
    assert rig.intake.held_bytes == 1400
    lost = {Path(c.path).parent.name: c.lost for c in rig.intake.counters() if c.lost}
    assert {name: causes["over_budget"].bytes for name, causes in lost.items()} == {"b": 3000}
    rig.intake.close()


def test_deleted_files_that_are_delivered_go_first_and_are_no_loss(tmp_path: Path) -> None:
    rig = Rig(held_bytes=1500)
    paths = [tmp_path / name / "0.log" for name in ("delivered", "waiting")]
    for path, lines in zip(paths, (10, 20), strict=True):
        path.parent.mkdir()
        path.write_bytes(cri("x" * 100) * lines)
    rig.intake.update([source(path) for path in paths], 0.0)
    file = rig.intake.tailed[str(paths[0])].chain.rotation.files[0]
    file.offset = file.mark.processed = file.mark.acknowledged = file.unread()
    for path in paths:
        path.unlink()
    rig.intake.enforce_budget()
    lost = {c.path: c.lost["over_budget"].bytes for c in rig.intake.counters() if c.lost}
    assert lost == {str(paths[1]): 20 * len(cri("x" * 100))}, "it alone is over the budget"
    assert rig.intake.held_bytes == 0
    rig.intake.close()


def test_checkpointed_files_of_containers_not_found_yet_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(cri("one"))
    first = Rig()
    first.intake.update([source(path)], 0.0)
    records = first.intake.records()
    first.intake.close()
    second = Intake(records, lambda fields: TextEncoder(), Said().fault_log(), from_start=True)
    second.update([], 0.0)
    assert second.records() == records


def test_a_container_of_which_only_a_compressed_file_is_left_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    before, after = cri("delivered"), cri("not delivered")
    (tmp_path / "0.log.20261124-031616.gz").write_bytes(gzip.compress(before + after))
    record = FileRecord(str(path), 1, head_of(before + after), len(before), done=False)
    intake = Intake([record], lambda _fields: TextEncoder(), Said().fault_log(), from_start=True)
    intake.update([source(path)], 0.0)
    (tailed,) = intake.tailed.values()
    unread = tailed.chain.next_unread(0.0)
    assert unread is not None
    file, _size = unread
    batches = tailed.chain.take(file, file.read(1000).data, 1)
    assert [entry[2] for batch in batches for entry in batch.entries] == [b"not delivered"]
    assert tailed.chain.ledger.counters.lost == {}
    intake.close()
