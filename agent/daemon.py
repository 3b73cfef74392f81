"""The composition root: builds every part, starts and stops them in order.

    start   probes, sampler, HTTP server, log workers
    stop    HTTP server, log workers (they finish what is in flight), sampler, probes

Threads: "ticks" (the beat), "probe rounds" (windows), "http", "lifecycle" (follows containers),
"filesystem" (walks directories), "history" (writes it), "image reports", one for each API that is
followed, and a watcher for each log worker; the main thread waits for a signal. A part that cannot
start either ends the agent and says why (no cgroups, address taken) or turns only itself off (a
probe).
"""

from __future__ import annotations

import logging
import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from agent.config import Config
from agent.diagnosis.recent import Recent
from agent.lifecycle.events import Event, counters
from agent.lifecycle.run import Counted
from agent.malloc import give_back
from agent.model import Snapshot
from agent.page import Page
from agent.parts import (
    api_sources,
    closer_look,
    filesystem_watcher,
    history_recorder,
    image_watcher,
    lifetime_keeper,
    log_workers,
    probe_parts,
    recent_findings,
    without_cgroup,
)
from agent.sampler import Sampler
from agent.security.source import Postures
from agent.serving import server_of
from agent.snapshots import Snapshots
from agent.telemetry import Counts, Telemetry
from exporters.prometheus.catalog import GROUPS, Group, metrics_of, select
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.labels import base_labels
from exporters.prometheus.metric import AnyMetric

if TYPE_CHECKING:
    from agent.history.recorder import Recorder
    from exporters.prometheus.remote_write.writer import RemoteWriter

log = logging.getLogger(__name__)


class Part(Protocol):
    """What runs beside the sampler, in threads of its own."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End it; nothing of it runs on."""


class Daemon:
    """The agent on one host."""

    def __init__(self, config: Config) -> None:
        """
        Build everything; nothing runs yet, but the server's socket is bound and the probes loaded.

        Raises NoCgroups where no cgroup filesystem is mounted, OSError where the address is taken,
        BadWebFile where the web configuration is wrong or the API open to everybody.
        """
        self._config = config
        self._stop = threading.Event()
        self._closing = ExitStack()
        telemetry = Telemetry()
        with ExitStack() as building:
            probes = probe_parts(config, telemetry)
            if probes is not None:
                building.callback(probes.close)
            filesystem = filesystem_watcher(config, telemetry)
            images = image_watcher(config)
            sources = api_sources(config, telemetry)
            history = history_recorder(config, telemetry)
            lifetimes = lifetime_keeper(
                config,
                telemetry,
                self._recall,
                sources.engine,
                _ignored if history is None else history.event,
                None if probes is None else probes.cgroup_events,
            )
            sampler = building.enter_context(
                Sampler(
                    config.paths,
                    None if probes is None else probes.probes,
                    filesystem,
                    security=Postures(config.paths, config.security.ignore)
                    if config.security.enabled
                    else None,
                    images=images,
                    lifetimes=lifetimes,
                    groups=_group_names(config),
                    services=config.metrics.systemd,
                    swept=None if probes is None else probes.sweep,
                    engine=sources.engine,
                    pods=sources.pods,
                )
            )
            telemetry.register(
                Counts(
                    "agent_metadata_source",
                    "Containers named, by the layer that answered.",
                    "source",
                    sampler.discovery.answered,
                )
            )
            telemetry.register(without_cgroup(sampler))
            recent = recent_findings(telemetry)
            look = closer_look(config, telemetry, recent, sampler.pids, history)
            self._snapshots = Snapshots(
                sampler, config.metrics.interval, taken=_taken(telemetry, recent, history)
            )
            page = Page(self._snapshots, _encoder(config), telemetry, give_back)
            self._server = server_of(config, page, telemetry, self._snapshots, recent)
            self._remote_writer = _remote_writer(config, self._snapshots, telemetry)
            self._workers = log_workers(config, telemetry)
            # The history last to be stopped: it is told what the others see until they end.
            parts: tuple[Part | None, ...] = (
                *(history, look, sources, lifetimes, filesystem, images, probes),
            )
            self._parts = [part for part in parts if part is not None]
            self._closing = building.pop_all()

    @property
    def address(self) -> tuple[str, int]:
        """Where /metrics is: (host, port)."""
        return self._server.address

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        ticks = threading.Thread(
            target=self._snapshots.run, args=(self._stop, _log_tick), name="ticks"
        )
        http = threading.Thread(target=self._server.serve, name="http")
        for part in self._parts:
            part.start()
        ticks.start()
        http.start()
        for worker in self._workers:
            worker.start()
        if self._remote_writer is not None:
            self._remote_writer.start()
        host, port = self.address
        shown = f"[{host}]" if ":" in host else host
        scheme = "https" if self._server.encrypted else "http"
        log.info("metrics at %s://%s:%s/metrics", scheme, shown, port)
        try:
            self._stop.wait()
        finally:
            self._stop.set()
            log.info("stopping")
            self._server.stop()
            for worker in self._workers:
                worker.stop()
            if self._remote_writer is not None:
                self._remote_writer.stop()
            http.join()
            ticks.join()
            for part in reversed(self._parts):
                part.stop()
            self._closing.close()
        return 0

    def _recall(self, inode: int) -> Counted | None:
        """What the last tick read of a cgroup that went before its last counters could be read."""
        snapshot = self._snapshots.latest
        for sample in () if snapshot is None else snapshot.samples:
            if snapshot is not None and sample.cgroup.inode == inode:
                read_at = snapshot.wall_time + sample.read_at - snapshot.taken_at
                return Counted(read_at, counters(sample.reading))
        return None


def page_once(config: Config, seen: Callable[[Snapshot], None]) -> Iterator[bytes]:
    """The page of now, read once and without a server, probe or log worker. Raises NoCgroups."""
    images = image_watcher(config)
    if images is not None:
        images.look()
    security = (
        Postures(config.paths, config.security.ignore, budget=math.inf)
        if config.security.enabled
        else None
    )
    groups = _group_names(config)
    with Sampler(
        config.paths,
        security=security,
        images=images,
        groups=groups,
        services=config.metrics.systemd,
    ) as sampler:
        telemetry = Telemetry()
        telemetry.register(without_cgroup(sampler))

        def taken(snapshot: Snapshot) -> None:
            _count_health(telemetry, snapshot)
            seen(snapshot)

        snapshots = Snapshots(sampler, 0, taken=taken)
        _, pieces = Page(snapshots, _encoder(config), telemetry).metrics()
        yield from pieces


def _remote_writer(
    config: Config, snapshots: Snapshots, telemetry: Telemetry
) -> RemoteWriter | None:
    if not config.remote_write.url:
        return None
    # Its libraries take 2 MiB, which only those pay who use it.
    from exporters.prometheus.remote_write.writer import RemoteWriter

    return RemoteWriter(config.remote_write, snapshots, telemetry, _metrics(config))


def _groups(config: Config) -> tuple[Group, ...]:
    groups = select(config.metrics.groups_enabled, config.metrics.groups_disabled)
    return tuple(group for group in groups if config.probes.enabled or not group.probes)


def _group_names(config: Config) -> frozenset[str]:
    return frozenset(group.name for group in _groups(config))


def _encoder(config: Config) -> Encoder:
    labels = base_labels(config.metrics.labels, config.metrics.container_labels)
    return Encoder(_metrics(config), labels)


def _metrics(config: Config) -> tuple[AnyMetric, ...]:
    metrics = metrics_of(_groups(config))
    if not config.probes.enabled or not config.probes.directory:
        return metrics
    from agent.probe_parts import own_probes
    from exporters.prometheus.own_probes import own_metrics

    return (
        *metrics,
        *own_metrics(own_probes(config.probes), {m.name for m in metrics_of(GROUPS)}),
    )


def _taken(
    telemetry: Telemetry, recent: Recent, history: Recorder | None
) -> Callable[[Snapshot], None]:
    say = _health_sayer()

    def taken(snapshot: Snapshot) -> None:
        _count_health(telemetry, snapshot)
        say(snapshot)
        recent.add(snapshot)
        if history is not None:
            history.add(snapshot)

    return taken


def _ignored(_: Event) -> None:
    """Nobody keeps what happens."""


def _count_health(telemetry: Telemetry, snapshot: Snapshot) -> None:
    for health in snapshot.health:
        telemetry.source_read(health.source, health.seconds, health.failures)


def _health_sayer() -> Callable[[Snapshot], None]:
    said: dict[str, str] = {}

    def say(snapshot: Snapshot) -> None:
        for health in snapshot.health:
            # The same fault again is counted; a new one is said.
            if said.get(health.source, "") != health.message:
                said[health.source] = health.message
                if health.message:
                    log.warning(
                        "%s: %s failures, the first: %s",
                        health.source,
                        health.failures,
                        health.message,
                    )

    return say


def _log_tick(error: Exception) -> None:
    log.error("the host could not be read this time", exc_info=error)
