"""Sends what is in the queue, in order, until it is written or refused.

One request at a time: a receiver takes the samples of a series only in the order of their times.
After a failure the next attempt waits 1 s, 2 s, 4 s … 60 s, each a little less by chance so that
many agents do not come back together, and not less than the receiver asks.

What is queued is 2.0; a receiver that knows only 1.0 gets it translated, from then on until the
agent starts anew.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Final, Protocol

from agent.protobuf import Malformed
from exporters.prometheus.remote_write import client
from exporters.prometheus.remote_write.client import Outcome
from exporters.prometheus.remote_write.counts import Counts
from exporters.prometheus.remote_write.message import to_version_1
from exporters.prometheus.remote_write.queue import DiskQueue, Record
from exporters.prometheus.remote_write.snappy import compress, decompress

log = logging.getLogger(__name__)

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_IDLE: Final = 60.0
"""Seconds; a new request or `stop` wakes it."""


class Receiver(Protocol):
    """Who gets the requests."""

    def send(self, body: bytes, protocol: client.Protocol) -> Outcome:
        """Send one compressed request."""

    def close(self) -> None:
        """Close the connection."""


class Sender:
    """Empties a queue."""

    def __init__(
        self,
        queue: DiskQueue,
        receiver: Receiver,
        counts: Counts,
        protocol: client.Protocol,
        *,
        fall_back: bool,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._receiver = receiver
        self._counts = counts
        self.protocol = protocol
        self._fall_back = fall_back
        self._chance = chance
        self._stop = threading.Event()
        self._said = ""

    @property
    def problem(self) -> str:
        """What the receiver answered last, where it did not write; "" where it did."""
        return self._said

    def run(self) -> None:
        """Send until `stop`."""
        while not self._stop.is_set():
            record = self._queue.first(_IDLE)
            if record is not None and not self._stop.is_set():
                self._deliver(record)
        self._receiver.close()

    def stop(self) -> None:
        """Let `run` return after the request that is on its way."""
        self._stop.set()
        self._queue.wake()

    def _deliver(self, record: Record) -> None:
        wait = _FIRST_WAIT
        while not self._stop.is_set():
            try:
                outcome = self._send(record)
            except Malformed as error:
                outcome = Outcome("refused", "malformed", str(error))
            if outcome.kind == "written":
                self._written(record, outcome)
                return
            if outcome.kind == "refused":
                self._say(f"refused: {outcome.message}")
                self._counts.drop(outcome.cause, record.samples)
                self._queue.remove(record)
                return
            self._say(f"not written, trying again: {outcome.message}")
            self._counts.retry(outcome.cause)
            pause = max(outcome.retry_after, wait * (0.75 + self._chance() / 4))
            self._stop.wait(pause)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _send(self, record: Record) -> Outcome:
        if self.protocol == "2.0":
            outcome = self._receiver.send(record.body, "2.0")
            if outcome.kind != "unknown protocol":
                return outcome
            if not self._fall_back:
                return Outcome("refused", outcome.cause, outcome.message)
            log.info("remote write: the receiver does not know 2.0 (%s): 1.0", outcome.message)
            self.protocol = "1.0"
        body = compress(to_version_1(decompress(record.body)))
        return self._receiver.send(body, "1.0")

    def _written(self, record: Record, outcome: Outcome) -> None:
        written = record.samples if outcome.written is None else outcome.written
        self._counts.send(written, record.milliseconds / 1000)
        if written < record.samples:
            self._counts.drop("not written", record.samples - written)
        self._queue.remove(record)
        if self._said:
            log.info("remote write: written again")
            self._said = ""

    def _say(self, message: str) -> None:
        """The same fault again is counted; a new one is said."""
        if message != self._said:
            self._said = message
            log.warning("remote write: %s", message)
