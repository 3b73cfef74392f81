"""The log workers of the configuration, as children of this process, and the series of them all."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from agent.child import Child
from agent.config import Config
from agent.logs.collector import LogCollector
from agent.logs.handover import worker_input
from agent.logs.stats import WorkerStats
from agent.telemetry import Telemetry

log = logging.getLogger(__name__)


def make_workers(config: Config, telemetry: Telemetry) -> list[Child]:
    """One for each destination; none is started."""
    collector = LogCollector()
    telemetry.register(collector)
    telemetry.watch(collector.lacking)
    workers = []
    for destination in config.logs.destination:
        name = destination.name
        worker = Child(
            f"log worker {name}",
            [sys.executable, "-m", "agent.log_worker"],
            worker_input(config, destination),
            _read_stats(collector, name),
        )
        collector.add(name, *_state_of(worker))
        workers.append(worker)
    return workers


def _state_of(worker: Child) -> tuple[Callable[[], int], Callable[[], bool]]:
    return lambda: worker.restarts, lambda: worker.pid is not None


def _read_stats(collector: LogCollector, name: str) -> Callable[[bytes], None]:
    def read(line: bytes) -> None:
        try:
            collector.update(name, WorkerStats.from_json(line))
        except ValueError as error:
            log.warning("log worker %s said something unexpected: %s", name, error)

    return read
