"""The probe "io_times": requests to block devices of one container, by device, process and file.

    probes/io_times.bpf.c   the programs
    io_counts.py            what they count

For `agent trace --io` alone: it counts only the cgroups it is aimed at, by their ids in the
hierarchy of block I/O. What always runs is the probe block_io.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

from agent.bpf import io_counts, syscall
from agent.bpf.io_counts import IoTimes
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading

_DROPS: Final = ("counts", "processes", "files", "ends")
"""enum io_drop."""

PROGRAMS: Final = ProbeSet(
    name="io_times",
    programs=(
        # See block_io: before Linux 5.11 the tracepoints pass the queue first.
        Program(
            name="on_request",
            feature="requests",
            tracepoint="block_getrq",
            first_argument="struct bio *",
        ),
        Program(
            name="on_issue",
            feature="requests",
            tracepoint="block_rq_issue",
            first_argument="struct request *",
        ),
        Program(
            name="on_requeue",
            feature="requests",
            tracepoint="block_rq_requeue",
            first_argument="struct request *",
        ),
        Program(
            name="on_file",
            feature="files",
            tracepoint="block_rq_issue",
            first_argument="struct request *",
        ),
        Program(
            name="on_complete",
            feature="requests",
            tracepoint="block_rq_complete",
            first_argument="struct request *",
        ),
    ),
    maps=(
        "targets",
        "counts",
        "processes",
        "files",
        "senders",
        "started",
        "file_of",
        "empty",
        "drops",
    ),
    per_cgroup={"targets": 1, "counts": 2, "processes": 8, "files": 8},
)


def aim(maps: Maps, cgroups: Collection[int]) -> None:
    """Count requests of these cgroups too."""
    for cgroup in cgroups:
        syscall.update(maps.fd("targets"), cgroup.to_bytes(8, sys.byteorder), bytes(4))


def read(maps: Maps) -> Reading[IoTimes]:
    """Read all counters."""
    streams = io_counts.decode_streams(maps.batches("counts"))
    processes = io_counts.decode_processes(maps.batches("processes"))
    named = "files" in maps.features
    files = io_counts.decode_files(maps.batches("files")) if named else {}
    return Reading(
        {
            cgroup: IoTimes(of, processes.get(cgroup, {}), files.get(cgroup, {}) if named else None)
            for cgroup, of in streams.items()
        },
        IoTimes(files={} if named else None),
        {name: maps.total("drops", place) for place, name in enumerate(_DROPS)},
    )


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    for name in ("targets", "counts", "processes", "files"):
        maps.delete_cgroups(name, ids)


IO_TIMES: Final = Kind(
    programs=PROGRAMS,
    counts=IoTimes,
    read=read,
    forget=forget,
    layout={
        "counts": (io_counts.KEY.size, io_counts.COUNTS.size),
        "processes": (io_counts.PROCESS_KEY.size, io_counts.PROCESS.size),
        "files": (io_counts.FILE_KEY.size, io_counts.FILE.size),
    },
    hierarchy="blkio",
    windowed=True,
    on_demand=True,
)
