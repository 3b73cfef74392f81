"""The probe "cgroups": its layout, its decoders, its ring, and what it tells of real cgroups."""

from __future__ import annotations

import os
import re
import secrets
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf import cgroups_counts
from agent.bpf.attach import cgroup2_root
from agent.bpf.cgroup_events import CgroupEvents
from agent.bpf.cgroup_news import CgroupChange, ProcessEnded
from agent.bpf.cgroups import CGROUPS
from agent.bpf.cgroups_counts import (
    KEY,
    MADE,
    REMOVED,
    VALUE,
    CgroupsCounts,
    decode_cgroups,
    decode_event,
)
from agent.bpf.counts import ProbeCounts
from agent.bpf.entries import UnexpectedRecord
from agent.bpf.loader import open_probe
from agent.bpf.probeset import LoaderName
from exporters.prometheus.groups import cgroup_changes
from tests.agent.bpf.test_always_on_counts import header, members
from tests.exporters.prometheus.shown import any_sample, shown

BIRTHS, KEPT = 23, 7
NUMBER = st.integers(0, 2**64 - 1)


def test_layouts_are_the_headers() -> None:
    text = header("cgroups")
    assert members(text, "cgroups_key") == ["__u64 cgroup", "__u32 what", "__u32 zero"]
    assert members(text, "cgroup_event") == [
        *("__u64 cgroup", "__u32 what", "__u32 hierarchy", "__u32 pid", "__u32 status"),
        "char path[CGROUPS_PATH]",
    ]
    assert f"CGROUPS_PATH {cgroups_counts.PATH_BYTES}\n" in text
    assert f"CGROUPS_END_SIZE {cgroups_counts.HEAD.size}\n" in text
    values = dict(re.findall(r"^\tCGROUPS_(MADE|REMOVED|ENDED) = (\d),", text, re.MULTILINE))
    assert values == {"MADE": "1", "REMOVED": "2", "ENDED": "3"}
    assert (MADE, REMOVED, cgroups_counts.ENDED) == (1, 2, 3)


def record(what: int, path: bytes = b"", pid: int = 0, status: int = 0) -> bytes:
    head = cgroups_counts.HEAD.pack(41, what, 4, pid, status)
    return head if what == cgroups_counts.ENDED else head + path.ljust(384, b"\0")


def test_events_are_what_they_say() -> None:
    assert decode_event(record(1, b"/docker/7f54")) == CgroupChange(True, 4, "/docker/7f54", 41)
    assert decode_event(record(2, b"/\xff")) == CgroupChange(False, 4, "/\udcff", 41)
    assert decode_event(record(3, pid=101, status=768)) == ProcessEnded(101, 768, 41)


def test_a_path_that_may_have_been_cut_is_none() -> None:
    longest = decode_event(record(1, b"/" + b"x" * 381))
    assert isinstance(longest, CgroupChange)
    assert len(longest.path) == 382
    assert decode_event(record(1, b"/" + b"x" * 382)) == CgroupChange(True, 4, "", 41)


@given(st.one_of(st.binary(max_size=64), st.binary(min_size=408, max_size=408)))
def test_any_record_is_decoded_or_refused(record: bytes) -> None:
    try:
        decode_event(record)
    except UnexpectedRecord:
        return
    assert len(record) in (24, 408)


@given(st.dictionaries(st.tuples(NUMBER, st.sampled_from([MADE, REMOVED])), NUMBER, max_size=5))
def test_every_count_is_found_again(entries: dict[tuple[int, int], int]) -> None:
    batches = [(KEY.pack(*key, 0), VALUE.pack(count)) for key, count in entries.items()]
    reading = decode_cgroups(batches, {"made", "removed"})
    for (cgroup, what), count in entries.items():
        assert reading.of(cgroup)[what - 1] == count
    assert reading.zero == CgroupsCounts(0, 0)


@given(keys=st.binary(max_size=64), values=st.binary(max_size=64))
def test_any_bytes_are_decoded_or_refused(keys: bytes, values: bytes) -> None:
    try:
        decode_cgroups([(keys, values)], {"made"})
    except UnexpectedRecord:
        return
    assert len(keys) % 16 == 0


def test_what_is_not_counted_is_absent() -> None:
    reading = decode_cgroups([(KEY.pack(41, MADE, 0), VALUE.pack(3))], {"made"})
    assert reading.of(41) == CgroupsCounts(3, None)
    sample = replace(any_sample(), probes=ProbeCounts([reading.of(41)]))
    assert shown(cgroup_changes.METRICS, sample)["container_child_cgroups_made_total"] == {(): 3}
    assert "container_child_cgroups_removed_total" not in shown(cgroup_changes.METRICS, sample)
    none = replace(any_sample(), probes=ProbeCounts([CgroupsCounts(0, 0)]))
    assert "container_child_cgroups_made_total" not in shown(cgroup_changes.METRICS, none)


@pytest.fixture
def parents() -> Iterator[tuple[Path, Path]]:
    """Two cgroups of this test's own, in cgroup2."""
    root = cgroup2_root()
    if root is None or os.geteuid() != 0:
        pytest.skip("needs root and the whole of cgroup2")
    made = [Path(root, f"agent-test-{secrets.token_hex(4)}") for _ in range(2)]
    for directory in made:
        directory.mkdir()
    yield made[0], made[1]
    for directory in made:
        for child in filter(Path.is_dir, directory.iterdir()):
            child.rmdir()
        directory.rmdir()


@pytest.mark.host
def test_each_birth_and_death_is_counted_above_it_and_told(
    loader: LoaderName, parents: tuple[Path, Path]
) -> None:
    busy, idle = parents
    number, other = busy.stat().st_ino, idle.stat().st_ino
    told: list[CgroupChange] = []
    with open_probe(CGROUPS, loader) as probe:
        assert (probe.loader, dict(probe.off)) == (loader, {})
        (busy / "unheard").mkdir()
        with closing(CgroupEvents(probe)) as events:
            assert events.tells
            events.listen([0])
            ids = []
            for at in range(BIRTHS):
                (busy / f"{at}").mkdir()
                ids.append((busy / f"{at}").stat().st_ino)
                if at >= KEPT:
                    (busy / f"{at}").rmdir()
            ready, _, _ = select.select([events.fd], [], [], 10)
            assert ready
            found, lost = events.read()
            told += [each for each in found if isinstance(each, CgroupChange)]
            assert not lost
        reading = probe.read()
        assert reading.of(number) == CgroupsCounts(BIRTHS + 1, BIRTHS - KEPT)
        assert reading.of(other) == CgroupsCounts(0, 0)
        assert reading.dropped == {"counts": 0, "events": 0}
        probe.forget([number])
        assert number not in probe.read().cgroups
    mine = _of(busy, told)
    births = [(each.path, each.number) for each in mine if each.made]
    assert births == [(f"/{busy.name}/{at}", ids[at]) for at in range(BIRTHS)]
    assert len(mine) == BIRTHS + BIRTHS - KEPT


def _of(parent: Path, events: Sequence[object]) -> list[CgroupChange]:
    return [
        each
        for each in events
        if isinstance(each, CgroupChange) and each.path.startswith(f"/{parent.name}/")
    ]


@pytest.mark.host
def test_ends_are_told_of_first_processes_and_of_who_is_wanted(
    loader: LoaderName, parents: tuple[Path, Path]
) -> None:
    cgroup, _ = parents
    number = cgroup.stat().st_ino
    enter = f"echo $$ > {cgroup}/cgroup.procs;"
    with open_probe(CGROUPS, loader) as probe, closing(CgroupEvents(probe)) as events:
        events.listen([0])
        subprocess.run(["sh", "-c", f"{enter} unshare -fp sh -c 'exit 7'; exit 0"], check=True)
        with subprocess.Popen(
            ["sh", "-c", f"{enter} read go; exit 9"], stdin=subprocess.PIPE
        ) as one:
            events.want(one.pid)
            one.communicate(b"\n")
        ends = [
            each
            for each in events.read()[0]
            if isinstance(each, ProcessEnded) and each.cgroup == number
        ]
    assert [os.waitstatus_to_exitcode(end.status) for end in ends] == [7, 9]
    assert ends[1].pid == one.pid


@pytest.mark.host
def test_a_full_ring_is_counted_and_goes_on(loader: LoaderName, parents: tuple[Path, Path]) -> None:
    parent, _ = parents
    with open_probe(CGROUPS, loader) as probe, closing(CgroupEvents(probe)) as events:
        events.listen([0])
        # 256 KiB hold 630 events; twice that, and again, so that it wraps around.
        for _ in range(2):
            for _ in range(700):
                (parent / "child").mkdir()
                (parent / "child").rmdir()
            found, lost = events.read()
            assert lost
            assert 600 < len(found) < 1400
            assert all(decoded.path for decoded in _of(parent, found))
        (parent / "child").mkdir()
        found, lost = events.read()
        assert [each.made for each in _of(parent, found)] == [True]
        assert not lost
        assert probe.read().of(parent.stat().st_ino) == CgroupsCounts(1401, 1400)
        assert probe.read().dropped["events"] >= 2 * (1400 - 1100)
