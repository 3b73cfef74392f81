"""Remote write as the daemon sees it: built, started, stopped.

Two threads: "remote-write" takes a Snapshot each `interval`, encodes it and puts it on disk;
"remote-write-send" sends. They are threads of the metrics process because a process of its own
would need every Snapshot a second time.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from agent.config import RemoteWriteConfig
from agent.faults import told
from agent.model import Snapshot
from agent.telemetry import Telemetry
from exporters.prometheus.labels import kubelet_labels
from exporters.prometheus.metric import AnyMetric, Labels
from exporters.prometheus.remote_write.client import Client
from exporters.prometheus.remote_write.counts import Counts
from exporters.prometheus.remote_write.queue import DiskQueue
from exporters.prometheus.remote_write.sender import Sender
from exporters.prometheus.remote_write.series import Family, LabelsOf, SeriesEncoder
from exporters.prometheus.remote_write.snappy import compress

log = logging.getLogger(__name__)


class Snapshots(Protocol):
    """Where Snapshots come from."""

    def fresh(self, max_age: float = 1.0) -> Snapshot:
        """The newest one if it is at most `max_age` seconds old, else a new one."""


class RemoteWriter:
    """Writes every Snapshot to one receiver."""

    def __init__(
        self,
        config: RemoteWriteConfig,
        snapshots: Snapshots,
        telemetry: Telemetry,
        metrics: Iterable[AnyMetric],
        labels_of: LabelsOf = kubelet_labels,
    ) -> None:
        """
        Open the queue; nothing is sent yet.

        Raises QueueInUse and OSError where the queue's directory cannot be used.
        """
        self._config = config
        self._snapshots = snapshots
        self._telemetry = telemetry
        self.counts = Counts()
        self._queue = DiskQueue(config.queue_dir, config.queue_max_bytes, self.counts.drop)
        self.counts.waiting = lambda: (self._queue.samples(), self._queue.size())
        self._encoder = SeriesEncoder(
            metrics, labels_of, external_labels(config.external_labels), wanted(config)
        )
        self._sender = Sender(
            self._queue,
            Client(config),
            self.counts,
            "1.0" if config.protocol == "1.0" else "2.0",
            fall_back=config.protocol == "auto",
        )
        self._stop = threading.Event()
        self._threads = (
            threading.Thread(target=self._run, name="remote-write"),
            threading.Thread(target=self._sender.run, name="remote-write-send"),
        )
        telemetry.register(self.counts)
        telemetry.watch(self._lacking)

    @property
    def protocol(self) -> str:
        """What is spoken now: 2.0 or 1.0."""
        return self._sender.protocol

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what was not sent waits on disk for the next start."""
        self._stop.set()
        self._sender.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._queue.close()

    def write(self, snapshot: Snapshot) -> None:
        """Encode one Snapshot and put it on disk."""
        milliseconds = round(snapshot.wall_time * 1000)
        for request in self._encoder.encode(snapshot, self._own()):
            try:
                self._queue.append(compress(request.body), request.samples, milliseconds)
            except OSError as error:
                log.error("remote write: %s samples are lost: %s", request.samples, told(error))
                self.counts.drop("disk", request.samples)

    def _lacking(self) -> Iterator[str]:
        if self._sender.problem:
            yield f"remote write: {self._sender.problem}"

    def _own(self) -> Iterable[Family]:
        # A scrape would have told that the agent is there.
        yield Family("up", "gauge", "1: the agent wrote this.", [((), 1)])
        for found in self._telemetry.collect():
            samples: dict[str, list[tuple[Labels, float]]] = {}
            for sample in found.samples:
                labels = tuple(sorted(sample.labels.items()))
                samples.setdefault(sample.name, []).append((labels, sample.value))
            for name, values in samples.items():
                yield Family(name, found.type, found.documentation, values)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                self.write(self._snapshots.fresh(self._config.interval / 2))
            except Exception:
                log.exception("remote write: a Snapshot could not be written")
            due = max(due + self._config.interval, time.monotonic())
            self._stop.wait(due - time.monotonic())


def external_labels(labels: Iterable[str]) -> Labels:
    """The labels of "NAME=VALUE" texts, and those a scrape would have added."""
    found = {"job": "cadvisor", "instance": socket.gethostname()}
    for label in labels:
        name, _, value = label.partition("=")
        found[name] = value
    return tuple(found.items())


def wanted(config: RemoteWriteConfig) -> Callable[[str], bool]:
    """Which metrics are written, by name."""
    keep, drop = re.compile(config.keep or ".*"), re.compile(config.drop or "(?!)")

    def is_wanted(name: str) -> bool:
        return keep.fullmatch(name) is not None and drop.fullmatch(name) is None

    return is_wanted
