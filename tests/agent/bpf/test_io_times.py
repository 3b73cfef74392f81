"""io_times on this kernel, through both loaders: exact requests of the container it is aimed at, by
disk, process and file, and nothing of another that does the same.
"""

from __future__ import annotations

import os

import pytest

from agent.bpf.io_counts import IoTimes
from agent.bpf.io_times import IO_TIMES, aim
from agent.bpf.loader import open_probe
from agent.bpf.probeset import LoaderName
from tests.agent.bpf.lost_ends import unended
from tests.agent.bpf.test_always_on import (
    BLOCK,
    READS,
    WRITES,
    blkio_id,
    make_file,
)
from tests.agent.bpf.test_lifecycle import (
    StartWorkload,
    start,  # noqa: F401 a fixture
)

pytestmark = pytest.mark.host

NAME = "a-file-of-its-own"
WORK = f"""
cd /shared
/bin/busybox dd if=file of=/dev/null bs={BLOCK} count={READS} iflag=direct
/bin/busybox dd if=/dev/zero of=file bs={BLOCK} count={WRITES} oflag=direct conv=notrunc
cat {NAME} > /dev/null
"""


def test_requests_are_told_by_disk_process_and_file(
    loader: LoaderName,
    start: StartWorkload,  # noqa: F811
) -> None:
    busy, other = start("io-busy", WORK), start("io-other", WORK)
    for workload in (busy, other):
        make_file(workload.shared, READS * BLOCK)
        (workload.shared / "file").rename(workload.shared / NAME)
        make_file(workload.shared, READS * BLOCK)
    if os.major(os.stat(busy.shared).st_dev) == 0:
        pytest.skip(f"{busy.shared} is on no block device of its own")
    with open(busy.shared / NAME, "rb") as written:
        os.posix_fadvise(written.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        inode = os.fstat(written.fileno()).st_ino
    with open_probe(IO_TIMES, loader) as probe:
        assert (probe.loader, dict(probe.off), probe.running) == (loader, {}, False)
        aim(probe.maps, [blkio_id(busy.pid)])
        probe.attach()
        busy.do()
        other.do()
        reading = probe.read()
        assert set(reading.cgroups) == {blkio_id(busy.pid)}
        assert reading.of(blkio_id(other.pid)) == IoTimes()
        lost, full = unended(probe, blkio_id(busy.pid)), dict(reading.dropped)
        del full["ends"]
        assert full == {"counts": 0, "processes": 0, "files": 0}
        counts = reading.of(blkio_id(busy.pid))
        probe.forget([blkio_id(busy.pid)])
        assert probe.read().cgroups == {}
    streams = {stream.operation: of for stream, of in counts.streams.items()}
    assert len(streams) == len(counts.streams), "one disk"
    writes = streams["write"]
    if lost:
        assert WRITES - lost <= writes.requests <= WRITES
        assert READS - lost < streams["read"].requests
        return
    assert (writes.requests, writes.bytes, writes.errors) == (WRITES, WRITES * BLOCK, 0)
    assert writes.sizes[3] == WRITES, "of 4096 = 512 << 3 bytes"
    assert 0 < writes.ns < 30e9
    assert counts.files is not None
    # Direct I/O is of no file. Reading the other file is, in requests as large as may be.
    named = {file: of for file, of in counts.files.items() if file.kind == "file"}
    ((file, of),) = named.items()
    assert (file.name, file.inode) == (NAME, inode)
    assert (of.read, of.written) == (READS * BLOCK, 0)
    (direct,) = (of for file, of in counts.files.items() if file.kind == "none")
    assert (direct.requests, direct.read, direct.written) == (
        READS + WRITES,
        READS * BLOCK,
        WRITES * BLOCK,
    )
    # What the filesystem itself has to look up, as where the file's blocks are.
    own = sum(of.requests for file, of in counts.files.items() if file.kind == "device")
    assert streams["read"].requests == READS + of.requests + own
    sums = {each.name: each.sum for each in counts.processes.values() if each.sum.written == 0}
    assert READS <= sums["busybox"].requests <= READS + own
    assert sum(each.sum.requests for each in counts.processes.values()) == (
        READS + WRITES + of.requests + own
    )
