from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.durations import NONE, SLOTS, Durations
from agent.bpf.entries import UnexpectedRecord
from agent.bpf.lifecycle_counts import KEY, VALUE, Event, LifecycleCounts, decode_lifecycle
from agent.bpf.probeset import DIRECTORY

HEADER = Path(DIRECTORY, "lifecycle.h").read_text()
CODED = (Event.EXIT, Event.SIGNAL, Event.LIFETIME)
LIVED = Durations((0, 0, 0, 2) + (0,) * (SLOTS - 4), 9_000_000)
ALL = ("exec", "exit", "oom")
C_TYPES = {"__u64": "Q", "__u32": "I"}


def entry(cgroup: int, event: int, code: int, count: int) -> tuple[bytes, bytes]:
    return KEY.pack(cgroup, event, code), VALUE.pack(count)


def test_the_key_is_the_headers_struct() -> None:
    body = re.search(r"struct lifecycle_key \{(.*?)\n\};", HEADER, re.DOTALL)
    assert body is not None
    members = re.findall(r"^\t(\w+) (\w+);", body[1], re.MULTILINE)
    assert [name for _, name in members] == ["cgroup", "event", "code"]
    assert KEY.format == "=" + "".join(C_TYPES[kind] for kind, _ in members)
    asserted = re.search(r"sizeof\(struct lifecycle_key\) == (\d+)", HEADER)
    assert asserted is not None
    assert KEY.size == int(asserted[1])


def test_the_events_are_the_headers_enum() -> None:
    numbers = re.findall(r"^\tLIFECYCLE_(\w+) = (\d+),", HEADER, re.MULTILINE)
    assert {name: int(number) for name, number in numbers} == {
        event.name: event.value for event in Event
    }


def test_each_cgroup_has_its_own_counts() -> None:
    reading = decode_lifecycle(
        [
            entry(7, Event.EXEC, 0, 23),
            entry(7, Event.EXIT, 3, 17),
            entry(8, Event.SIGNAL, 9, 2),
            entry(7, Event.EXIT, 0, 6),
            entry(8, Event.OOM, 0, 1),
            entry(8, Event.LIFETIME, 3, 2),
            entry(8, Event.LIVED_NS, 0, 9_000_000),
        ],
        5,
        ALL,
    )
    assert reading.dropped == {"counts": 5}
    assert reading.cgroups == {
        7: LifecycleCounts(execs=23, exits={3: 17, 0: 6}, signals={}, oom_kills=0, lifetimes=NONE),
        8: LifecycleCounts(execs=0, exits={}, signals={9: 2}, oom_kills=1, lifetimes=LIVED),
    }


def test_what_is_not_counted_is_none_and_not_zero() -> None:
    reading = decode_lifecycle([entry(7, Event.EXEC, 0, 1)], 0, ["exec"])
    counts = LifecycleCounts(execs=1, exits=None, signals=None, oom_kills=None)
    assert reading.of(7) == counts
    assert reading.of(8) == LifecycleCounts(execs=0, exits=None, signals=None, oom_kills=None)


def test_a_cgroup_where_nothing_happened_has_zeros() -> None:
    reading = decode_lifecycle([], 0, ALL)
    assert reading.of(8) == LifecycleCounts(
        execs=0, exits={}, signals={}, oom_kills=0, lifetimes=NONE
    )


def test_an_event_of_another_version_is_refused_and_quoted() -> None:
    with pytest.raises(UnexpectedRecord, match="event 9 with code 3"):
        decode_lifecycle([entry(7, 9, 3, 1)], 0, ALL)


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 2**64 - 1), st.sampled_from(Event), st.integers(0, 12)),
        st.integers(1, 2**64 - 1),
    )
)
def test_every_count_is_found_again(expected: dict[tuple[int, Event, int], int]) -> None:
    # exec and oom have no codes: the programs write 0.
    expected = {
        (cgroup, event, code if event in CODED else 0): count
        for (cgroup, event, code), count in expected.items()
    }
    reading = decode_lifecycle((entry(*key, count) for key, count in expected.items()), 0, ALL)
    found = {}
    for cgroup, counts in reading.cgroups.items():
        assert counts.exits is not None
        assert counts.signals is not None
        found.update({(cgroup, Event.EXIT, code): n for code, n in counts.exits.items()})
        found.update({(cgroup, Event.SIGNAL, code): n for code, n in counts.signals.items()})
        found.update({(cgroup, Event.EXEC, 0): counts.execs} if counts.execs else {})
        found.update({(cgroup, Event.OOM, 0): counts.oom_kills} if counts.oom_kills else {})
        assert counts.lifetimes is not None
        lived = {(cgroup, Event.LIFETIME, i): n for i, n in enumerate(counts.lifetimes.counts) if n}
        found.update(lived)
        found.update(
            {(cgroup, Event.LIVED_NS, 0): counts.lifetimes.ns} if counts.lifetimes.ns else {}
        )
    assert found == expected


@given(st.binary(), st.binary())
def test_any_bytes_are_decoded_or_refused(keys: bytes, values: bytes) -> None:
    try:
        reading = decode_lifecycle([(keys, values)], 0, ALL)
    except UnexpectedRecord:
        return
    assert len(reading.cgroups) <= len(keys) // KEY.size
