"""The probes "faults" and "page_cache": layouts and decoders, and on this kernel, through both
loaders, exact counts of a container that does what it is told, beside one that does nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import astuple, replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf import faults_counts, page_cache_counts
from agent.bpf.counts import ProbeCounts
from agent.bpf.faults import FAULTS
from agent.bpf.faults_counts import (
    BUCKETS,
    NO_LATENCY,
    FaultLatency,
    FaultsCounts,
    decode_faults,
)
from agent.bpf.loader import open_probe
from agent.bpf.page_cache import PAGE_CACHE
from agent.bpf.page_cache_counts import PageCacheCounts, decode_page_cache
from agent.bpf.probe import Probe
from agent.bpf.probeset import LoaderName
from exporters.prometheus.groups import faults as faults_group
from exporters.prometheus.groups import page_cache as page_cache_group
from tests.agent.bpf.any_bytes import Decode, assert_decoded_or_refused
from tests.agent.bpf.talker import Talker
from tests.agent.bpf.test_always_on_counts import header, members
from tests.exporters.prometheus.shown import any_sample, shown
from tests.host.docker import DockerHost

Batches = Iterable[tuple[bytes, bytes]]
PAGE = os.sysconf("SC_PAGESIZE")
PAGES, NEW, FAULTED = 101, 61, 1009
ALL_FAULTS, ALL_PAGES = {"minor", "major", "latency"}, {"added", "created", "reads"}
NUMBER = st.integers(0, 2**63)


def test_layouts_are_the_headers() -> None:
    text = header("faults")
    assert members(text, "faults_counts") == [
        *("__u64 minor", "__u64 major", "__u64 ns", "__u64 latency[FAULTS_BUCKETS]"),
    ]
    assert re.search(rf"^#define FAULTS_BUCKETS {BUCKETS}\b", text, re.MULTILINE)
    assert members(header("page_cache"), "page_cache_counts") == [
        *("__u64 asked", "__u64 missed", "__u64 added", "__u64 created"),
    ]


@given(
    st.dictionaries(
        NUMBER,
        st.tuples(NUMBER, NUMBER, NUMBER, st.lists(NUMBER, min_size=32, max_size=32).map(tuple)),
        max_size=5,
    ),
    st.sets(st.sampled_from(sorted(ALL_FAULTS))),
)
def test_every_fault_is_found_again_and_what_is_not_counted_is_absent(
    entries: dict[int, tuple[int, int, int, tuple[int, ...]]], features: set[str]
) -> None:
    reading = decode_faults(
        (
            (faults_counts.CGROUP.pack(cgroup), faults_counts.COUNTS.pack(*numbers, *buckets))
            for cgroup, (*numbers, buckets) in entries.items()
        ),
        features,
    )
    timed = {"major", "latency"} <= features
    for cgroup, (minor, major, ns, buckets) in entries.items():
        assert reading.of(cgroup) == FaultsCounts(
            minor if "minor" in features else None,
            major if "major" in features else None,
            FaultLatency(ns, buckets) if timed else None,
        )
    assert (reading.zero.latency is None) == (not timed)


@given(
    st.dictionaries(NUMBER, st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), max_size=5),
    st.sets(st.sampled_from(sorted(ALL_PAGES))),
)
def test_every_page_is_found_again_and_what_is_not_counted_is_absent(
    entries: dict[int, tuple[int, int, int, int]], features: set[str]
) -> None:
    reading = decode_page_cache(
        (
            (page_cache_counts.CGROUP.pack(cgroup), page_cache_counts.COUNTS.pack(*numbers))
            for cgroup, numbers in entries.items()
        ),
        features,
    )
    told = (
        "reads" in features,
        {"reads", "added"} <= features,
        "added" in features,
        {"created", "added"} <= features,
    )
    for cgroup, numbers in entries.items():
        shown = tuple(n if on else None for n, on in zip(numbers, told, strict=True))
        assert astuple(reading.of(cgroup)) == shown
    assert astuple(reading.zero) == tuple(0 if on else None for on in told)


@pytest.mark.parametrize(
    "decode",
    [
        lambda batches: decode_faults(batches, ALL_FAULTS),
        lambda batches: decode_page_cache(batches, ALL_PAGES),
    ],
)
@given(keys=st.binary(max_size=32), values=st.binary(max_size=600))
def test_any_bytes_are_decoded_or_refused(decode: Decode, keys: bytes, values: bytes) -> None:
    assert_decoded_or_refused(decode, keys, values)


def test_the_page_has_what_is_told() -> None:
    latency = FaultLatency(101_000_000, (*[0] * 19, 101, *[0] * 12))
    counts = (FaultsCounts(1009, 103, latency), PageCacheCounts(101, 61, 162, 0))
    sample = replace(any_sample(), probes=ProbeCounts(counts))
    page = shown((*faults_group.METRICS, *page_cache_group.METRICS), sample)
    assert page["container_page_faults_total"] == {("major",): 103, ("minor",): 1009}
    assert page["container_major_page_fault_latency_seconds_count"] == {(): 101}
    assert page["container_major_page_fault_latency_seconds_sum"] == {(): 0.101}
    assert page["container_page_cache_asked_pages_total"] == {(): 101}
    assert page["container_page_cache_missed_pages_total"] == {(): 61}
    assert page["container_page_cache_added_pages_total"] == {(): 162}
    assert page["container_page_cache_created_pages_total"] == {(): 0}
    older = (FaultsCounts(None, 0, NO_LATENCY), PageCacheCounts(None, None, 162, 0))
    page = shown(
        (*faults_group.METRICS, *page_cache_group.METRICS),
        replace(any_sample(), probes=ProbeCounts(older)),
    )
    assert page["container_page_faults_total"] == {("major",): 0}
    assert "container_page_cache_asked_pages_total" not in page
    assert "container_page_cache_missed_pages_total" not in page
    assert shown((*faults_group.METRICS, *page_cache_group.METRICS), any_sample()) == {}


@pytest.fixture(scope="module")
def pair(
    docker_host: DockerHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Talker, Talker, Path]]:
    """(busy, idle, the directory the busy one has as /shared)"""
    directory = tmp_path_factory.mktemp("memory-probes")
    with ExitStack() as started:
        talkers = []
        for name in ("busy", "idle"):
            talker = Talker(docker_host, f"memory-{name}", "none", directory / name)
            started.callback(talker.end)
            talker.do("import mmap, os, resource")
            talkers.append(talker)
        yield talkers[0], talkers[1], directory / "busy"


def cold(path: Path, pages: int) -> None:
    """A file of so many pages, of which none is in the cache."""
    with open(path, "wb") as file:
        file.write(os.urandom(pages * PAGE))
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if os.major(os.fstat(file.fileno()).st_dev) == 0:
            pytest.skip(f"{path} is on no block device of its own")


def opened(probe: Probe[PageCacheCounts]) -> Probe[PageCacheCounts]:
    if "reads" in probe.off:
        pytest.skip(probe.off["reads"])
    assert dict(probe.off) == {}
    probe.attach()
    return probe


@pytest.mark.host
def test_faults_are_as_many_as_the_kernel_tells_the_process(
    loader: LoaderName, pair: tuple[Talker, Talker, Path]
) -> None:
    busy, idle, directory = pair
    cold(directory / "mapped", PAGES)
    touch = f"""
before = resource.getrusage(resource.RUSAGE_SELF)
anonymous = mmap.mmap(-1, {FAULTED * PAGE})
anonymous.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, {FAULTED * PAGE}, {PAGE}): anonymous[at] = 1
with open("/shared/mapped", "rb") as file:
    mapped = mmap.mmap(file.fileno(), {PAGES * PAGE}, prot=mmap.PROT_READ)
mapped.madvise(mmap.MADV_RANDOM)
for at in range(0, {PAGES * PAGE}, {PAGE}): mapped[at]
after = resource.getrusage(resource.RUSAGE_SELF)
answer = [after.ru_minflt - before.ru_minflt, after.ru_majflt - before.ru_majflt]
"""
    busy.do("resource.getrusage(resource.RUSAGE_SELF)")
    with open_probe(FAULTS, loader) as probe:
        assert (probe.loader, dict(probe.off), probe.running) == (loader, {}, False)
        probe.attach()
        minor, major = cast("list[int]", busy.do(touch))
        probe.detach()
        reading = probe.read()
        counts = reading.of(busy.cgroup)
        assert counts.minor is not None
        assert counts.latency is not None
        assert minor >= FAULTED
        # Read by random access, each page by itself; with read-ahead within a fault, fewer.
        assert 1 <= major <= PAGES + 13
        # What happened between the two looks and the window's edges is a few faults more.
        assert minor <= counts.minor <= minor + 61
        assert major <= (counts.major or 0) <= major + 13
        assert counts.latency.faults == counts.major
        assert 0 < counts.latency.ns < 30e9 * major
        assert reading.dropped == {"faults": 0}
        assert reading.of(idle.cgroup) == FaultsCounts(0, 0, NO_LATENCY)
        probe.forget([busy.cgroup])
        assert busy.cgroup not in probe.read().cgroups


READ = "with open('/shared/read', 'rb', buffering=0) as file:\n while file.read({size}): pass"


@pytest.mark.host
@pytest.mark.parametrize("size", [PAGE, 1 << 20])
def test_a_cold_read_misses_each_page_and_a_warm_one_none(
    loader: LoaderName, size: int, pair: tuple[Talker, Talker, Path]
) -> None:
    busy, idle, directory = pair
    cold(directory / "read", PAGES)
    read = READ.format(size=size)
    with open_probe(PAGE_CACHE, loader) as probe:
        opened(probe)
        busy.do(read)
        first = probe.read()
        assert first.of(busy.cgroup) == PageCacheCounts(PAGES, PAGES, PAGES, 0)
        busy.do(read)
        second = probe.read()
        assert second.of(busy.cgroup) == PageCacheCounts(2 * PAGES, PAGES, PAGES, 0)
        assert second.of(idle.cgroup) == PageCacheCounts(0, 0, 0, 0)
        assert second.dropped == {"cache": 0}
        probe.forget([busy.cgroup])
        assert busy.cgroup not in probe.read().cgroups


@pytest.mark.host
def test_what_is_written_is_not_missed_and_another_container_profits_from_a_read(
    loader: LoaderName, pair: tuple[Talker, Talker, Path]
) -> None:
    busy, idle, directory = pair
    cold(directory / "read", PAGES)
    write = f"""
with open("/shared/new", "wb", buffering=0) as new, open("/shared/read", "rb", buffering=0) as old:
    for _ in range({NEW}): new.write(old.read({PAGE}))
os.unlink("/shared/new")
"""
    with open_probe(PAGE_CACHE, loader) as probe:
        opened(probe)
        busy.do(write)
        counts = probe.read().of(busy.cgroup)
        assert (counts.asked, counts.missed, counts.created) == (NEW, NEW, NEW)
        # Read ahead: more than was asked for.
        assert counts.added is not None
        assert 2 * NEW <= counts.added <= NEW + PAGES
        (directory.parent / "idle" / "read").hardlink_to(directory / "read")
        idle.do(READ.format(size=PAGE).replace("while", "for _ in range(61):\n  if not"))
        (directory.parent / "idle" / "read").unlink()
        other = probe.read().of(idle.cgroup)
        assert (other.asked, other.missed, other.added) == (NEW, 0, 0)
