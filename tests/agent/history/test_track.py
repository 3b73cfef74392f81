from __future__ import annotations

import random

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.diagnosis.note import Note
from agent.history.restore import Restorer, Unreadable
from agent.history.schema import record_types
from agent.history.track import TrackReader, TrackWriter
from agent.history.values import NotStorable, Writer, billionths
from agent.lifecycle.events import Event
from agent.model import Sample, Snapshot
from agent.procfs.net_dev import NetDev
from tests.agent.history.made_up import MadeUp
from tests.agent.snapshots import snapshot

SEEDS = st.integers(0, 2**32)


def _exact(value: object) -> object:
    """With the types: 1, 1.0 and True are equal, and three values."""
    record = record_types().get(type(value))
    if record is not None:
        return type(value), [_exact(field) for field in record.split(value)]
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_exact(item) for item in value]
    return type(value), value


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_every_snapshot_of_a_row_is_read_as_it_was(seed: int) -> None:
    row = MadeUp(seed).row(4)
    writer = TrackWriter()
    reader = TrackReader(writer.types())
    for one in row:
        read = reader.snapshot(writer.snapshot(one))
        assert read == one
        assert _exact(read) == _exact(one)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_an_event_is_read_as_it_was(seed: int) -> None:
    event, note = MadeUp(seed).event(), MadeUp(seed).of(Note)
    writer = TrackWriter()
    reader = TrackReader(writer.types())
    assert reader.event(writer.event(event), Event) == event
    assert reader.event(writer.event(note), Note) == note
    with pytest.raises(Unreadable, match="no Event but Note"):
        reader.event(writer.event(note), Event)


def test_what_did_not_change_is_the_same_object_again() -> None:
    row = MadeUp(7).row(1)
    writer = TrackWriter()
    reader = TrackReader(writer.types())
    first, second = (reader.snapshot(writer.snapshot(row[0])) for _ in range(2))
    assert [a is b for a, b in zip(first.samples, second.samples, strict=True)] == [True] * len(
        first.samples
    )


@given(st.floats(allow_nan=False))
def test_billionths_are_exact_or_none(value: float) -> None:
    count = billionths(value)
    assert count is None or count / 1_000_000_000 == value


def test_what_snapshots_are_not_made_of_is_refused_and_the_track_goes_on() -> None:
    writer = TrackWriter()
    reader = TrackReader(writer.types())
    good = snapshot()
    reader.snapshot(writer.snapshot(good))
    with pytest.raises(NotStorable):
        writer.snapshot(Snapshot(1.0, 1.0, 0.0, object(), (), (), {}))  # type: ignore[arg-type]
    assert reader.snapshot(writer.snapshot(good)) == good


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.binary(max_size=200))
def test_a_payload_of_somebody_else_is_unreadable_or_some_snapshot(seed: int, noise: bytes) -> None:
    writer = TrackWriter()
    reader = TrackReader(writer.types())
    payload = bytearray(writer.snapshot(MadeUp(seed).row(1)[0]))
    place = random.Random(seed).randrange(len(payload))
    payload[place : place + len(noise)] = noise
    try:
        reader.snapshot(bytes(payload))
    except Unreadable:
        pass


def test_a_field_that_an_older_agent_did_not_write_is_its_default() -> None:
    restorer = Restorer([["model.SourceHealth", "source", "seconds", "failures"]])
    assert "message=''" in repr(restorer.whole([8, "walk", 0.5, 0]))


def test_a_field_that_only_a_newer_agent_has_is_left_out() -> None:
    names = list(NetDev._fields)
    restorer = Restorer([["net_dev.NetDev", "colour", *names]])
    first = restorer.whole([8, "red", "eth0", *range(8)])
    assert first == NetDev("eth0", *range(8))
    assert restorer.later(first, [{0: "blue"}, 0, 5]) == NetDev("eth0", 5, *range(1, 8))


def test_a_field_that_must_be_there_and_is_not_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="receive_bytes"):
        Restorer([["net_dev.NetDev", "interface"]]).whole([8, "eth0"])


def test_a_type_of_another_agent_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="does not know"):
        Restorer([["future.Thing", "a"]]).whole([8, 1])


def test_every_type_of_a_sample_may_be_in_a_file() -> None:
    names = {record.name for record in record_types().values()}
    assert {"model.Sample", "reading.CgroupReading", "memory.MemoryStat"} <= names
    assert {
        "kernelfile.Unlimited",
        "counts.ProbeCounts",
        "check.Check",
        "tcp_counts.TcpCounts",
    } <= (names)
    assert "check.Outcome" not in names  # a check is told by its id


def test_a_difference_of_counters_is_small_numbers() -> None:
    old, new = NetDev("eth0", *range(8)), NetDev("eth0", 10, *range(1, 8))
    assert Writer().difference(old, new) == [0, 10, 0, 0, 0, 0, 0, 0, 0]


def test_samples_are_matched_by_inode() -> None:
    made = MadeUp(3)
    one, two = made.of(Sample), made.of(Sample)
    assert one.cgroup.inode != two.cgroup.inode
    writer = TrackWriter()
    writer.snapshot(snapshot(one, two))
    swapped = msgpack.unpackb(
        writer.snapshot(snapshot(two, one)), strict_map_key=False, unicode_errors="surrogatepass"
    )
    assert swapped[1:] == [[two.cgroup.inode, one.cgroup.inode], [0, 0]]
