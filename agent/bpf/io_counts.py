"""Bytes of the probe "io_times" -> counts. Pure.

The layout is stated in probes/io_times.h; a test compares it. Integers are in this machine's byte
order.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from agent.bpf.block_io_counts import OPS
from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.records import NamedTuple, dataclass, field

BUCKETS: Final = 36
"""Of a latency: bucket i holds 2^i <= nanoseconds < 2^(i+1), the last all above."""
SIZES: Final = 16
"""Slot i: requests of up to 512 << i bytes, the last all above."""

KEY: Final = struct.Struct("=QII")
"""struct io_key: cgroup, device, operation."""
COUNTS: Final = struct.Struct(f"={3 + SIZES + BUCKETS}Q")
"""struct io_counts: bytes, errors, ns, sizes, latency."""
PROCESS_KEY: Final = struct.Struct("=QII")
"""struct io_process_key: cgroup, pid, 0."""
PROCESS: Final = struct.Struct("=4Q16s")
"""struct io_process: requests, read, written, ns, comm."""
FILE_KEY: Final = struct.Struct("=QQII")
"""struct io_file_key: cgroup, inode, device, enum io_of."""
FILE: Final = struct.Struct("=4Q48s")
"""struct io_file: requests, read, written, ns, name."""

KINDS_OF_FILE: Final = ("file", "none", "device")
"""enum io_of: a file; no file, as of direct I/O and swap; the device itself, where a filesystem
keeps what is its own."""


class Device(NamedTuple):
    """A block device, or the one a filesystem is on."""

    major: int
    minor: int


class Stream(NamedTuple):
    """One direction of one device."""

    device: Device
    operation: str
    """One of block_io.OPS."""


class File(NamedTuple):
    """What a request was of."""

    kind: str
    """One of KINDS_OF_FILE."""
    device: Device
    """Of its filesystem, as stat(2) has it; 0:0 where it is no file."""
    inode: int
    """0 where it is no file."""
    name: str
    """The last part of its path, at most 47 bytes; "" where it has none."""


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """Requests that ended. Only rises."""

    bytes: int
    errors: int
    ns: int
    """From being sent to the device to the end, all together."""
    sizes: Sequence[int]
    """See SIZES."""
    latency: Sequence[int]
    """See BUCKETS."""

    @property
    def requests(self) -> int:
        """How many."""
        return sum(self.latency)


@dataclass(frozen=True, slots=True)
class IoSum:
    """Requests of one process or of one file that ended. Only rises."""

    requests: int
    read: int
    written: int
    """Bytes."""
    ns: int


class ProcessIo(NamedTuple):
    """Requests of one process."""

    name: str
    """Which it had when it sent the last of them. "" for threads of the kernel."""
    sum: IoSum


@dataclass(frozen=True, slots=True)
class IoTimes:
    """Requests of one cgroup to block devices, while the probe was aimed at it."""

    streams: Mapping[Stream, StreamCounts] = field(default_factory=dict)
    processes: Mapping[int, ProcessIo] = field(default_factory=dict)
    """By pid, as the host numbers it. 0: threads of the kernel."""
    files: Mapping[File, IoSum] | None = field(default_factory=dict)
    """None: they are not told here."""


def decode_streams(batches: Batches) -> dict[int, dict[Stream, StreamCounts]]:
    """Map "counts", by cgroup."""
    found: dict[int, dict[Stream, StreamCounts]] = {}
    for (cgroup, device, operation), (size, errors, ns, *slots) in entries(batches, KEY, COUNTS):
        if operation >= len(OPS):
            raise UnexpectedRecord(f"operation {operation}")
        found.setdefault(cgroup, {})[Stream(_device(device), OPS[operation])] = StreamCounts(
            size, errors, ns, tuple(slots[:SIZES]), tuple(slots[SIZES:])
        )
    return found


def decode_processes(batches: Batches) -> dict[int, dict[int, ProcessIo]]:
    """Map "processes", by cgroup."""
    found: dict[int, dict[int, ProcessIo]] = {}
    for (cgroup, pid, _), (requests, read, written, ns, comm) in entries(
        batches, PROCESS_KEY, PROCESS
    ):
        of = IoSum(requests, read, written, ns)
        found.setdefault(cgroup, {})[pid] = ProcessIo(_text(comm), of)
    return found


def decode_files(batches: Batches) -> dict[int, dict[File, IoSum]]:
    """Map "files", by cgroup."""
    found: dict[int, dict[File, IoSum]] = {}
    for (cgroup, inode, device, of), (requests, read, written, ns, name) in entries(
        batches, FILE_KEY, FILE
    ):
        if of >= len(KINDS_OF_FILE):
            raise UnexpectedRecord(f"kind of file {of}")
        file = File(KINDS_OF_FILE[of], _device(device), inode, _text(name))
        found.setdefault(cgroup, {})[file] = IoSum(requests, read, written, ns)
    return found


def _device(number: int) -> Device:
    # The kernel's own form of dev_t: 12 bits and 20.
    return Device(number >> 20, number & 0xFFFFF)


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
