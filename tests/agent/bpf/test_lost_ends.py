"""A request whose end no program saw is counted as lost: once, and never as one that took long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bpf.block_io import BLOCK_IO
from agent.bpf.block_io_counts import NO_OPS
from agent.bpf.io_times import IO_TIMES, aim
from agent.bpf.loader import open_probe
from agent.bpf.probeset import LoaderName
from tests.agent.bpf.lost_ends import unended
from tests.agent.bpf.talker import Talker
from tests.agent.bpf.test_always_on import BLOCK, blkio_id, make_file
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

UNSEEN, SEEN = 13, 101
READ = """
import mmap, os
page = mmap.mmap(-1, {block})
file = os.open("/shared/file", os.O_RDONLY | os.O_DIRECT)
answer = sum(os.preadv(file, [page], number * {block}) for number in range({count}))
os.close(file)
"""


@pytest.fixture
def reader(docker_host: DockerHost, tmp_path: Path) -> Iterator[Talker]:
    talker = Talker(docker_host, "lost-ends", "none", tmp_path / "reads")
    try:
        if os.major(os.stat(tmp_path).st_dev) == 0:
            pytest.skip(f"{tmp_path} is on no block device of its own")
        make_file(tmp_path / "reads", SEEN * BLOCK)
        yield talker
    finally:
        talker.end()


def read(reader: Talker, count: int) -> bool:
    assert reader.do(READ.format(block=BLOCK, count=count)) == count * BLOCK
    return True


def test_block_io_counts_a_request_whose_end_it_did_not_see(
    loader: LoaderName, reader: Talker
) -> None:
    cgroup = blkio_id(reader.pid)
    with open_probe(BLOCK_IO, loader) as probe:
        # The kernel charges the cgroup above until it has found memory for this one's own counters.
        wait_until(
            lambda: read(reader, 1) and cgroup in probe.read().cgroups,
            30,
            "a request that is charged to the container",
        )
        before, unended_before = probe.read().of(cgroup).ops["read"], unended(probe, cgroup)
        probe._loaded.detach("on_complete")
        read(reader, UNSEEN)
        probe.attach()
        read(reader, SEEN)
        after, lost = probe.read().of(cgroup).ops["read"], unended(probe, cgroup) - unended_before
        counted = after.latency.total - before.latency.total
        assert lost >= UNSEEN
        assert counted <= SEEN
        # Of others on this machine some may have been under way.
        assert counted + lost >= UNSEEN + SEEN
        assert after.bytes - before.bytes == counted * BLOCK
        # What was under way when it was stopped is not of use when it starts again.
        probe._loaded.detach("on_complete")
        read(reader, UNSEEN)
        probe.detach()
        probe.attach()
        assert unended(probe, cgroup) - unended_before - lost <= UNSEEN - 1
        assert probe.read().of(cgroup).ops.get("read", NO_OPS) == after


def test_io_times_counts_a_request_whose_end_it_did_not_see(
    loader: LoaderName, reader: Talker
) -> None:
    cgroup = blkio_id(reader.pid)
    with open_probe(IO_TIMES, loader) as probe:
        aim(probe.maps, [cgroup])
        probe.attach()
        wait_until(
            lambda: read(reader, 1) and cgroup in probe.read().cgroups,
            30,
            "a request that is charged to the container",
        )
        (before,), unended_before = probe.read().of(cgroup).streams.values(), unended(probe, cgroup)
        probe._loaded.detach("on_complete")
        read(reader, UNSEEN)
        probe.attach()
        read(reader, SEEN)
        counts = probe.read().of(cgroup)
        (after,), lost = counts.streams.values(), unended(probe, cgroup)
        lost -= unended_before
        assert lost >= UNSEEN
        assert after.requests - before.requests + lost == UNSEEN + SEEN
        assert after.requests - before.requests == sum(after.sizes) - sum(before.sizes)
    # What is read into is memory that a process shares with its children: a file of tmpfs to the
    # kernel, and not the one that is read.
    assert counts.files is not None
    assert {file.kind for file in counts.files} <= {"none", "device"}
