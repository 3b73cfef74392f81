"""Probes that always run, on this kernel: a busy container has what it did, an idle one nothing.

Loaded by libbpf and by bcc at once, so that both count the same work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from agent.bpf.block_io import BLOCK_IO
from agent.bpf.block_io_counts import NO_OPS
from agent.bpf.facts import Facts
from agent.bpf.loader import open_probe
from agent.bpf.probe import Kind, Probe
from agent.bpf.probeset import LOADERS
from agent.bpf.profile import HERTZ, PROFILE
from agent.bpf.reclaim import RECLAIM
from agent.bpf.support import refuse_loader
from tests.agent.bpf.lost_ends import unended
from tests.agent.bpf.test_lifecycle import (
    StartWorkload,
    Workload,
    cgroup_id,
    start,  # noqa: F401 a fixture
)

pytestmark = pytest.mark.host

C = TypeVar("C")

READS = 101
WRITES = 61
BLOCK = 4096
MIB = 1 << 20

DIRECT_IO = f"""
cd /shared
/bin/busybox dd if=file of=/dev/null bs={BLOCK} count={READS} iflag=direct
/bin/busybox dd if=/dev/zero of=file bs={BLOCK} count={WRITES} oflag=direct conv=notrunc
"""
PAGE_CACHE = "cat /shared/file > /dev/null"
BUSY = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"


@pytest.fixture
def open_both(facts: Facts) -> Iterator[Open]:
    """Open a probe by each loader that may load here."""
    with ExitStack() as opened:

        def open_each(kind: Kind[C]) -> list[Probe[C]]:
            loaders = [name for name in LOADERS if not refuse_loader(facts, name)]
            if not loaders:
                pytest.skip(refuse_loader(facts, "libbpf"))
            return [opened.enter_context(open_probe(kind, name)) for name in loaders]

        yield open_each


class Open(Protocol):
    """See open_both."""

    def __call__(self, kind: Kind[C]) -> list[Probe[C]]:
        """One for each loader."""


def blkio_id(pid: int) -> int:
    """Of its cgroup in the hierarchy of block I/O: cgroup2's, or on v1 the blkio mount's."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "blkio" in controllers.split(","):
            return os.stat(f"/sys/fs/cgroup/{controllers}{path}").st_ino
    return cgroup_id(pid)


def make_file(directory: Path, size: int) -> None:
    with open(directory / "file", "wb") as file:
        file.write(os.urandom(size))
        file.flush()
        os.fsync(file.fileno())


def test_101_direct_reads_are_101_requests_and_the_idle_container_has_none(
    open_both: Open,
    start: StartWorkload,  # noqa: F811
) -> None:
    probes = open_both(BLOCK_IO)
    busy, idle = start("disk", DIRECT_IO), start("nodisk", "")
    make_file(busy.shared, READS * BLOCK)
    try:
        os.close(os.open(busy.shared / "file", os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        pytest.skip(f"{busy.shared}: no direct I/O: {error}")
    if os.major(os.stat(busy.shared).st_dev) == 0:
        pytest.skip(f"{busy.shared} is on no block device of its own")
    cgroup = blkio_id(busy.pid)
    before = [(probe.read(), unended(probe, cgroup)) for probe in probes]
    busy.do()
    for probe, (earlier, unended_before) in zip(probes, before, strict=True):
        later, lost = probe.read(), unended(probe, cgroup) - unended_before
        old, new = earlier.of(cgroup).ops, later.of(cgroup).ops
        ended = 0
        for op, number in (("read", READS), ("write", WRITES)):
            was, now = old.get(op, NO_OPS), new[op]
            counted = now.latency.total - was.latency.total
            assert number - lost <= counted <= number, (probe.loader, op)
            assert now.bytes - was.bytes == counted * BLOCK, (probe.loader, op)
            assert now.errors == 0
            assert 0 < now.latency.ns - was.latency.ns < 30e9
            ended += counted
        assert ended <= READS + WRITES <= ended + lost
        assert later.of(blkio_id(idle.pid)) == earlier.of(blkio_id(idle.pid))
        assert later.dropped["counts"] == 0
        assert probe.off == {}


def test_reading_more_than_the_limit_is_reclaim_in_that_container_alone(
    open_both: Open,
    start: StartWorkload,  # noqa: F811
) -> None:
    probes = open_both(RECLAIM)
    small, idle = start("small-cache", PAGE_CACHE, memory=8 * MIB), start("idle-cache", "")
    make_file(small.shared, 48 * MIB)
    with open(small.shared / "file", "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    before = [probe.read() for probe in probes]
    small.do()
    for probe, earlier in zip(probes, before, strict=True):
        later = probe.read()
        was, now = (each.of(small.cgroup).stalls["memcg"] for each in (earlier, later))
        assert now.total > was.total, probe.loader
        assert now.ns > was.ns
        assert later.of(idle.cgroup) == earlier.of(idle.cgroup)
        assert later.dropped == {"counts": 0}
        assert probe.off == {}


def test_samples_are_as_many_as_the_cpu_time_and_the_idle_container_has_none(
    open_both: Open,
    start: StartWorkload,  # noqa: F811
) -> None:
    probes = open_both(PROFILE)
    busy, idle = start("cpu", BUSY), start("nocpu", "")
    before, used = [probe.read() for probe in probes], cpu_seconds(busy)
    busy.do()
    expected = (cpu_seconds(busy) - used) * HERTZ
    for probe, earlier in zip(probes, before, strict=True):
        later = probe.read()
        was, now = earlier.of(busy.cgroup), later.of(busy.cgroup)
        user, kernel = now.user - was.user, now.kernel - was.kernel
        assert 0.5 * expected - 5 <= user + kernel <= 1.5 * expected + 5, probe.loader
        assert user > kernel
        assert later.of(idle.cgroup) == earlier.of(idle.cgroup)


def cpu_seconds(workload: Workload) -> float:
    """User and system time of the container's first process, which does all the work."""
    fields = Path(f"/proc/{workload.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
