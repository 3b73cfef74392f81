"""One log worker: a process that reads every container's log for one destination.

    python -m agent.log_worker < INPUT

stdin   one line of JSON (agent/logs/handover.py). Left open by the parent: its end means that the
        parent is gone, and the worker stops as if it were told to.
stdout  one line of JSON a second (agent/logs/stats.py), the last one when it stops.
stderr  its own log.
SIGTERM, SIGINT  stop reading, wait up to 5 s for acknowledgements, keep what is deleted and not
                 delivered (agent/logs/spool.py), save the checkpoint.

Exit codes: 0 stopped as told; 1 a bug, with a traceback; 2 what it was told makes no sense; 3 the
state directory cannot be used; 4 another worker uses this checkpoint and did not end in 10 s.

It can be killed at any moment and started again: it goes on from the checkpoint, and sends again at
most what was in flight.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import gc
import os
import resource
import signal
import socket
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from agent.faults import told
from agent.logs.handover import WorkerInput, parse_worker_input

if TYPE_CHECKING:
    from agent.logs.chunk import Destination
    from agent.logs.faults import FaultLog
    from agent.logs.pipeline import Pipeline
    from agent.logs.stats_writer import StatsWriter

_LOCK_WAIT: Final = 10.0
"""Seconds for an earlier worker of the same destination to end."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""mallopt(3)"""
_KEPT: Final = 32 * 1024 * 1024
"""Bytes, the most that the second may be: what is in flight is a quarter of it."""
_STATS_EVERY: Final = 1.0
_STATS_CONTAINERS: Final = 1000
"""A second for each so many containers: a row of 300 bytes each has a price."""


def main() -> int:
    """Run one worker; return its exit code."""
    try:
        given = parse_worker_input(sys.stdin.buffer.readline())
    except ValueError as error:
        sys.stderr.write(f"The log worker cannot use its input. reason={error}\n")
        return 2
    try:
        os.makedirs(given.state, 0o750, exist_ok=True)
        lock = os.open(
            given.checkpoint_path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
    except OSError as error:
        sys.stderr.write(
            f"The state directory cannot be used. path={given.state} error={told(error)}"
            " remedy=set logs.state to a directory that can be written\n"
        )
        return 3
    try:
        if not _take(lock):
            sys.stderr.write(
                f"Another log worker uses the checkpoint. path={given.checkpoint_path}\n"
            )
            return 4
        _allow_many_files()
        _keep_memory()
        asyncio.run(_work(given))
    finally:
        os.close(lock)
    return 0


async def _work(given: WorkerInput) -> None:
    # Imported here: input that makes no sense is refused at once.
    from agent.logs.faults import FaultLog
    from agent.logs.stats_writer import StatsWriter

    faults = FaultLog(sys.stderr.write, time.monotonic, time.time, given.destination.name)
    pipeline = _open(given, faults)
    gc.collect()
    gc.freeze()  # what is imported lives as long as the process
    # Entries are tuples without cycles: looking for some after every 700 of them costs a tenth.
    gc.set_threshold(50_000)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watching = _watch_parent(loop, stop)
    stats = StatsWriter(sys.stdout.fileno(), lambda: loop.call_soon_threadsafe(stop.set))
    reporter = asyncio.create_task(_report(pipeline, stats))
    faults.info("The log worker started.", checkpoint=given.checkpoint_path)
    try:
        await pipeline.run(stop)
    finally:
        reporter.cancel()
        if watching:
            loop.remove_reader(sys.stdin.fileno())
        stats.put(pipeline.stats().to_json())
        stats.close()
    faults.info("The log worker stopped.", chunks=pipeline.delivery.chunks)


def _open(given: WorkerInput, faults: FaultLog) -> Pipeline:
    """What was left by the worker before, all that is read from now on, and where it goes."""
    from agent.container.alive import has_cgroup
    from agent.container.log_sources import LogSources
    from agent.logs import checkpoint
    from agent.logs.intake import Intake
    from agent.logs.journal.intake import PREFIX
    from agent.logs.journal.source import open_intake
    from agent.logs.pipeline import Pipeline
    from agent.logs.processing.rules import Rules
    from agent.logs.spool import Spool

    path = given.checkpoint_path
    loaded = checkpoint.load(path)
    destination = _destination(given)
    spool = Spool(path.removesuffix(".json") + ".spool", given.spool_bytes)
    spooled, unreadable = spool.load()
    files = [record for record in loaded.files if not record.path.startswith(PREFIX)]
    rules = Rules(
        given.processing,
        given.labels,
        socket.gethostname() if given.host == "auto" else given.host,
        given.container_rules,
    )
    alive = partial(has_cgroup, given.paths)
    intake = Intake(
        spool.without_delivered(files, spooled),
        destination.encoder,
        faults,
        # "Only new lines" is for the first start: later it would skip what nobody has read.
        from_start=given.from_start or loaded.found,
        rules=rules,
        spooled=spooled,
        held_bytes=given.held_bytes,
        alive=alive,
    )
    for reason in unreadable:
        faults.report(
            "error", reason, "A spooled log file cannot be read; it is left where it is.",
            reason=reason,
        )  # fmt: skip
    sources = LogSources(given.paths, given.files, given.told_annotations)
    journal = open_intake(given, loaded.files, destination.encoder, faults, rules, sources, alive)
    pipeline = Pipeline(
        sources,
        intake,
        destination,
        path,
        faults,
        destination_type=given.destination.type,
        spool=spool,
        journal=journal.intake,
    )
    pipeline.worker.journal = journal.read
    pipeline.worker.journal_reason = journal.reason
    pipeline.worker.native = _native(given, faults)
    if loaded.set_aside:
        pipeline.worker.checkpoints_set_aside = 1
        faults.report(
            "error",
            "checkpoint unreadable",
            "The checkpoint cannot be read and was kept aside: every log is read from its start. "
            "Delete the kept file, or put a good one back while the agent is stopped.",
            path=path,
            kept=loaded.set_aside,
            reason=loaded.reason,
        )
    return pipeline


def _destination(given: WorkerInput) -> Destination:
    from agent import log_destinations as to
    from agent.file_destination import FileDestination

    wanted = given.destination
    match wanted:
        case to.FluentdDestination():
            from exporters.fluentd.client import ForwardClient

            return ForwardClient(wanted)
        case FileDestination():
            from exporters.file.destination import JsonLinesFile

            return JsonLinesFile(wanted)
        case to.ElasticsearchDestination():
            from exporters.elasticsearch.client import BulkClient

            return BulkClient(wanted)
        case to.GraylogDestination():
            from exporters.graylog.client import graylog

            return graylog(wanted)
        case to.LokiDestination():
            from exporters.loki.client import LokiClient

            return LokiClient(wanted)
        case to.OtlpDestination():
            from exporters.otlp.client import OtlpClient

            return OtlpClient(wanted)


def _native(given: WorkerInput, faults: FaultLog) -> bool | None:
    """Whether lines are encoded by compiled code; None where there is none for the destination."""
    if given.destination.type != "fluentd":
        return None
    from exporters.fluentd.blocks import NATIVE, STALE

    if STALE:
        faults.report(
            "warning",
            "compiled code of another version",
            "The compiled loop is of another version: the slower one in Python is used. Install "
            "the agent again; in a checkout run `python setup.py build_ext --inplace`.",
        )
    return NATIVE


async def _report(pipeline: Pipeline, stats: StatsWriter) -> None:
    while True:
        now = pipeline.stats()
        stats.put(now.to_json())
        await asyncio.sleep(max(_STATS_EVERY, len(now.containers) / _STATS_CONTAINERS))


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> bool:
    """Stop when stdin ends. Not where it is a plain file or /dev/null, which have no other end."""

    def readable() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    try:
        loop.add_reader(sys.stdin.fileno(), readable)
    except PermissionError:  # epoll refuses what is always readable
        return False
    return True


def _take(lock: int) -> bool:
    deadline = time.monotonic() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        else:
            return True


def _allow_many_files() -> None:
    """One descriptor for each log file: take all that the hard limit allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _keep_memory() -> None:
    """Let freed memory stay with the process, where its C library lets itself be told so.

    Blocks and chunks of a megabyte come and go hundreds of times a second. glibc gives such memory
    back at once, and the kernel clears every page anew: that took a third of the CPU time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl
        return
    mallopt(_M_MMAP_THRESHOLD, _KEPT)
    mallopt(_M_TRIM_THRESHOLD, _KEPT)


if __name__ == "__main__":
    sys.exit(main())
