"""What the block_io probe counts is what fio measures, and what the kernel charges the process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import pytest

from agent.bpf.block_io import BLOCK_IO
from agent.bpf.block_io_counts import NO_OPS, OpCounts
from agent.bpf.durations import BOUNDS_NS
from agent.bpf.loader import open_probe
from agent.bpf.probeset import LoaderName
from tests.agent.bpf.lost_ends import unended
from tests.agent.bpf.talker import Talker
from tests.agent.bpf.test_always_on import blkio_id, make_file
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

READS, WRITES = 1009, 503
BLOCK = 4096
PERCENTILES = (50, 75, 99)
USUAL = 75
OWN_PAGES = 1 << 20
LARGEST_READ_AHEAD = 128 << 10
RUN = """
import json, subprocess
argv = ["/usr/bin/fio", "--name=it", "--filename=/shared/file", "--direct=1", "--ioengine=libaio"]
# It looks for the end all the time, and does not sleep: its times have no wait for a CPU.
argv += ["--iodepth=1", "--iodepth_batch_complete_min=0", "--userspace_reap"]
argv += ["--rw=rand{op}", "--bs={block}", "--size={size}", "--number_ios={count}", "--norandommap"]
argv += ["--output-format=json", "--lat_percentiles=1", "--percentile_list={percentiles}"]
answer = json.loads(subprocess.run(argv, capture_output=True, check=True, text=True).stdout)
answer = answer["jobs"][0]["{op}"]
"""


@pytest.fixture
def disk(docker_host: DockerHost, tmp_path: Path) -> Iterator[Talker]:
    if shutil.which("fio") is None:
        pytest.skip("fio is not installed")
    talker = Talker(docker_host, "fio", "none", tmp_path / "fio")
    try:
        if os.major(os.stat(tmp_path).st_dev) == 0:
            pytest.skip(f"{tmp_path} is on no block device of its own")
        make_file(tmp_path / "fio", (READS + WRITES) * BLOCK)
        yield talker
    finally:
        talker.end()


def fio(disk: Talker, op: str, count: int) -> dict[str, object]:
    """What fio says of so many requests."""
    said = disk.do(
        RUN.format(
            op=op,
            block=BLOCK,
            size=(READS + WRITES) * BLOCK,
            count=count,
            percentiles=":".join(map(str, PERCENTILES)),
        )
    )
    assert isinstance(said, dict)
    return said


def charged(pid: int) -> tuple[int, int]:
    """read_bytes and write_bytes of a process and of its children that it has waited for."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    values = {key: int(value) for key, value in (line.split(": ") for line in lines)}
    return values["read_bytes"], values["write_bytes"]


def slot_of(ns: float) -> int:
    """Which slot of a histogram holds a time."""
    return sum(ns > bound for bound in BOUNDS_NS)


def percentile(counts: Sequence[int], percent: float) -> int:
    """The slot that a percentile falls into."""
    wanted = percent / 100 * sum(counts)
    return next(slot for slot, count in enumerate(accumulate(counts)) if count >= wanted)


def added(old: OpCounts, new: OpCounts) -> tuple[tuple[int, ...], int, int]:
    """(requests by slot, nanoseconds, bytes)"""
    counts = zip(old.latency.counts, new.latency.counts, strict=True)
    slots = tuple(after - before for before, after in counts)
    return slots, new.latency.ns - old.latency.ns, new.bytes - old.bytes


def test_latencies_are_fios_and_bytes_those_of_proc_pid_io(
    loader: LoaderName, disk: Talker
) -> None:
    cgroup = blkio_id(disk.pid)
    with open_probe(BLOCK_IO, loader) as probe:
        # The kernel charges the cgroup above until it has found memory for this one's own counters.
        wait_until(
            lambda: bool(fio(disk, "read", 1)) and cgroup in probe.read().cgroups,
            30,
            "a request that is charged to the container",
        )
        for op, count in (("read", READS), ("write", WRITES)):
            before, was = probe.read().of(cgroup).ops, charged(disk.pid)
            unended_before = unended(probe, cgroup)
            said = fio(disk, op, count)
            after, now = probe.read().of(cgroup).ops, charged(disk.pid)
            lost = unended(probe, cgroup) - unended_before
            slots, ns, transferred = added(before.get(op, NO_OPS), after[op])
            charges = tuple(late - early for early, late in zip(was, now, strict=True))
            charge = charges[op == "write"]
            assert (said["total_ios"], said["io_bytes"]) == (count, count * BLOCK)
            # Beside what fio measures it may have to read pages of its own program.
            assert sum(slots) >= count - lost
            assert (count - lost) * BLOCK <= transferred <= count * BLOCK + OWN_PAGES
            # A write is charged when a page of a file becomes dirty, not when it is sent.
            assert abs(charge - transferred) <= (
                OWN_PAGES if op == "write" else lost * LARGEST_READ_AHEAD
            )
            # fio's time is that of the request and of the kernel's way there and back.
            times = said["lat_ns"]
            assert isinstance(times, dict)
            assert ns / sum(slots) < times["mean"]
            for percent in PERCENTILES:
                ours = percentile(slots, percent)
                theirs = slot_of(times["percentile"][f"{percent:.6f}"])
                assert ours <= theirs, (percent, slots, times)
                # Of the slowest, fio had to wait for its CPU, the more the busier the machine is.
                assert ours >= theirs - 1 or percent > USUAL, (percent, slots, times)
