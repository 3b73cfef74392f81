"""`agent trace --io`: what a container asks of block devices, how long it takes, who asks and of
which file. Pure: functions of two readings of the probe "io_times".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict, TypeVar

from agent.bpf.io_counts import (
    BUCKETS,
    SIZES,
    Device,
    File,
    IoSum,
    IoTimes,
    ProcessIo,
    StreamCounts,
)
from agent.records import dataclass, field
from agent.trace.buckets import human_ns, human_quantile, quantile_seconds
from agent.trace.text import columns
from agent.units import human_size

K = TypeVar("K")

NAME_COLUMNS: Final = 30
LIVE_ROWS: Final = 6
"""Of processes, and of files, where a second is shown."""
ALL_ROWS: Final = 20
"""The same where all of it is."""

_SUM_HEADER: Final = ("REQUESTS", "   READ", "WRITTEN", "  TIME", "   AVG")
"""As wide as the numbers get, so that one table stands under the other."""
_NO_SUM: Final = IoSum(0, 0, 0, 0)
_NO_STREAM: Final = StreamCounts(0, 0, 0, (0,) * SIZES, (0,) * BUCKETS)
_WORDS: Final = {"none": "(no file: direct, swap, trim)", "device": "(the filesystem's own)"}


@dataclass(frozen=True, slots=True)
class Requests:
    """A container's, summed over its cgroups."""

    counts: IoTimes = field(default_factory=IoTimes)
    disks: Mapping[Device, str] = field(default_factory=dict)
    """What the devices are called."""


class StreamRow(TypedDict):
    """One direction of one device, for JSON. Seconds and bytes."""

    device: str
    operation: str
    requests: int
    bytes: int
    errors: int
    seconds: float
    latency_p50_seconds: float | None
    latency_p90_seconds: float | None
    latency_p99_seconds: float | None
    sizes: dict[str, int]
    """Largest size in bytes, "+Inf" for the rest -> requests of at most that and more than the one
    before; only where there were any."""


class SumRow(TypedDict):
    """One process or file."""

    name: str
    requests: int
    read_bytes: int
    written_bytes: int
    seconds: float


class ProcessRow(SumRow):
    """pid: 0 for threads of the kernel."""

    pid: int


class FileRow(SumRow):
    """kind: file, none (direct I/O, swap), device (the filesystem's own)."""

    kind: str
    inode: int
    device: str
    """major:minor of its filesystem, as stat(2) has it."""


class Document(TypedDict):
    """All of it. files: null where they are not told."""

    devices: list[StreamRow]
    processes: list[ProcessRow]
    files: list[FileRow] | None


def together(cgroups: Iterable[IoTimes], *, files: bool) -> IoTimes:
    """The sum over a container's cgroups. `files`: whether they are told."""
    total = IoTimes(files={} if files else None)
    for counts in cgroups:
        total = _combine(total, counts, 1)
    return total


def since(new: Requests, old: Requests) -> Requests:
    """What happened between two readings."""
    return Requests(_combine(new.counts, old.counts, -1), new.disks)


def headline(found: Requests, seconds: float) -> str:
    """ "412 requests/s, 12.3M/s read, 1.2M/s written"."""
    streams = found.counts.streams.items()
    requests = sum(counts.requests for _, counts in streams)
    read, written = (
        sum(counts.bytes for stream, counts in streams if stream.operation == operation)
        for operation in ("read", "write")
    )
    return (
        f"{requests / seconds:.0f} requests/s, {human_size(read / seconds)}/s read,"
        f" {human_size(written / seconds)}/s written"
    )


def table(found: Requests, most: int | None = None) -> list[str]:
    """Devices, then processes and files: those that took most time first."""
    counts = found.counts
    rows = LIVE_ROWS if most is not None else ALL_ROWS
    lines = columns(
        ("DISK", "OP", "REQUESTS", "BYTES", "EACH", "AVG", "P50", "P90", "P99", "ERRORS", ""),
        [
            (
                found.disks.get(stream.device, _number(stream.device)),
                stream.operation,
                str(each.requests),
                human_size(each.bytes),
                human_size(each.bytes / each.requests),
                human_ns(each.ns / each.requests),
                *(human_quantile(each.latency, part) for part in (0.5, 0.9, 0.99)),
                str(each.errors),
                "",
            )
            for stream, each in sorted(counts.streams.items())
        ],
        left=2,
    )
    processes = {_process(pid, of.name): of.sum for pid, of in counts.processes.items()}
    lines += _sums("PROCESS", processes, rows)
    if counts.files is not None:
        lines += _sums("FILE", _by_name(counts.files), rows)
    return lines


def document(found: Requests) -> Document:
    """All, by name."""
    counts = found.counts
    return Document(
        devices=[
            StreamRow(
                device=found.disks.get(stream.device, _number(stream.device)),
                operation=stream.operation,
                requests=each.requests,
                bytes=each.bytes,
                errors=each.errors,
                seconds=each.ns / 1e9,
                latency_p50_seconds=quantile_seconds(each.latency, 0.5),
                latency_p90_seconds=quantile_seconds(each.latency, 0.9),
                latency_p99_seconds=quantile_seconds(each.latency, 0.99),
                sizes={
                    str(512 << slot) if slot < SIZES - 1 else "+Inf": count
                    for slot, count in enumerate(each.sizes)
                    if count
                },
            )
            for stream, each in sorted(counts.streams.items())
        ],
        processes=[
            ProcessRow(pid=pid, name=of.name, **_sum_row(of.sum))
            for pid, of in sorted(counts.processes.items())
        ],
        files=None
        if counts.files is None
        else [
            FileRow(
                kind=file.kind,
                name=file.name,
                inode=file.inode,
                device=_number(file.device),
                **_sum_row(of),
            )
            for file, of in sorted(counts.files.items())
        ],
    )


class _SumRow(TypedDict):
    requests: int
    read_bytes: int
    written_bytes: int
    seconds: float


def _sum_row(of: IoSum) -> _SumRow:
    return _SumRow(
        requests=of.requests,
        read_bytes=of.read,
        written_bytes=of.written,
        seconds=of.ns / 1e9,
    )


def _sums(title: str, sums: Mapping[str, IoSum], most: int) -> list[str]:
    if not sums:
        return []
    ordered = sorted(sums.items(), key=lambda item: (-item[1].ns, item[0]))
    lines = columns(
        (f"{title:<{NAME_COLUMNS}}", *_SUM_HEADER, ""),
        [
            (
                _short(name),
                str(of.requests),
                human_size(of.read),
                human_size(of.written),
                human_ns(of.ns),
                human_ns(of.ns / of.requests),
                "",
            )
            for name, of in ordered[:most]
        ],
    )
    if len(ordered) > most:
        lines.append(f"and {len(ordered) - most} more")
    return ["", *lines]


def _combine(first: IoTimes, second: IoTimes, sign: int) -> IoTimes:
    streams = dict(first.streams)
    for stream, more in second.streams.items():
        of = streams.get(stream, _NO_STREAM)
        streams[stream] = StreamCounts(
            bytes=of.bytes + sign * more.bytes,
            errors=of.errors + sign * more.errors,
            ns=of.ns + sign * more.ns,
            sizes=tuple(a + sign * b for a, b in zip(of.sizes, more.sizes, strict=True)),
            latency=tuple(a + sign * b for a, b in zip(of.latency, more.latency, strict=True)),
        )
    sums = _add_sums(_sums_of(first.processes), _sums_of(second.processes), sign)
    names = {pid: of.name for each in (second, first) for pid, of in each.processes.items()}
    files = None
    if first.files is not None and second.files is not None:
        files = _add_sums(first.files, second.files, sign)
    return IoTimes(
        {stream: of for stream, of in streams.items() if of.requests},
        {pid: ProcessIo(names[pid], of) for pid, of in sums.items()},
        files,
    )


def _sums_of(processes: Mapping[int, ProcessIo]) -> dict[int, IoSum]:
    return {pid: of.sum for pid, of in processes.items()}


def _add_sums(first: Mapping[K, IoSum], second: Mapping[K, IoSum], sign: int) -> dict[K, IoSum]:
    sums = dict(first)
    for key, more in second.items():
        of = sums.get(key, _NO_SUM)
        sums[key] = IoSum(
            of.requests + sign * more.requests,
            of.read + sign * more.read,
            of.written + sign * more.written,
            of.ns + sign * more.ns,
        )
    return {key: of for key, of in sums.items() if of.requests}


def _by_name(files: Mapping[File, IoSum]) -> dict[str, IoSum]:
    """Files of one name are one row: a log and the one that was rotated away are not told apart."""
    named: dict[str, IoSum] = {}
    for file, of in files.items():
        name = _WORDS.get(file.kind) or file.name or f"(inode {file.inode})"
        named = _add_sums(named, {name: of}, 1)
    return named


def _process(pid: int, name: str) -> str:
    return f"{name} {pid}" if pid else "(kernel threads)"


def _short(name: str) -> str:
    name = "".join(each if each.isprintable() else "?" for each in name)
    return name if len(name) <= NAME_COLUMNS else name[: NAME_COLUMNS - 1] + "…"


def _number(device: Device) -> str:
    return f"{device.major}:{device.minor}"
