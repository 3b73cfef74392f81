"""What a log worker tells its parent once a second: one JSON line, all totals since its start.

    {"containers":[{"path":"…/0.log","id":"4f…","name":"web",…,"lines":120,"bytes":9312,
     "lag_bytes":0,"lost":{"truncated":{"times":1,"bytes":310,"lines":0}},…}],
     "destination":{"chunks":3,"records":120,"retries":0,…},"worker":{…}}

Counters start at 0 with the worker, like any process's.
A container's line stays for two minutes after its end, so that its last losses are seen.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Literal, get_args

import orjson

from agent.records import dataclass, field

Cause = Literal[
    "truncated",  # the file was cut or rewritten before its end was read
    "unlinked",  # deleted and closed before its end was read or acknowledged
    "over_budget",  # deleted, still unread, and held files took too much disk
    "missing",  # in the checkpoint, gone at start: how much is not known
    "too_long",  # the end of a line over the limit
    "rejected",  # refused by the destination for good
    "unreadable",  # a compressed file is damaged
    "vacuumed",  # the journal was rotated or vacuumed past what was read of it
]
CAUSES: tuple[Cause, ...] = get_args(Cause)

ACK_SECONDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
"""Bounds of the buckets: a server beside us, one over a network, one that writes to disks, one that
is in trouble, and one near the timeouts."""


@dataclass(slots=True)
class Lost:
    """What was lost from one cause."""

    times: int = 0
    bytes: int = 0
    """Of log file. Not known for "missing" and "rejected": stays 0 there."""
    lines: int = 0
    """Known for "too_long" and "rejected" only: lines cut, records refused."""


@dataclass(slots=True)
class ContainerCounters:
    """One container's totals. The pipeline counts in them; a snapshot goes into `WorkerStats`."""

    path: str
    id: str = ""
    name: str = ""
    namespace: str = ""
    pod: str = ""
    lines: int = 0
    """Lines read from its files."""
    bytes: int = 0
    """Bytes of its files that were parsed."""
    lag_bytes: int | None = None
    """Bytes written and not acknowledged yet; None where no file of it can be opened."""
    lag_seconds: float | None = None
    """Age of the oldest of them; 0.0 where there are none, None like `lag_bytes`."""
    filtered: int = 0
    """Records that an include or exclude rule left out."""
    sampled: int = 0
    """Records that sampling left out."""
    throttled: int = 0
    """Records over the container's rate, where the policy is to drop them."""
    throttled_seconds: float = 0.0
    """Seconds for which it was not read, where the policy is to wait."""
    redacted: int = 0
    """Secrets replaced."""
    parse_failures: int = 0
    invalid_utf8: int = 0
    """Lines in which bytes were replaced by U+FFFD."""
    partials_capped: int = 0
    lost: dict[Cause, Lost] = field(default_factory=dict)

    def lose(self, cause: Cause, *, lost_bytes: int = 0, lines: int = 0) -> None:
        """Count one loss."""
        lost = self.lost.setdefault(cause, Lost())
        lost.times += 1
        lost.bytes += lost_bytes
        lost.lines += lines


@dataclass(slots=True)
class DestinationCounters:
    """The destination's totals."""

    type: str
    chunks: int = 0
    """Delivered and acknowledged."""
    records: int = 0
    """In those chunks."""
    bytes: int = 0
    """Payload of those chunks, as sent."""
    retries: int = 0
    """Times a chunk was to be sent again."""
    rejected: int = 0
    """Records refused for good."""
    fields_refused: int = 0
    """Records delivered without the fields that were refused, which they have as text."""
    in_flight_chunks: int = 0
    """Sealed and not yet both acknowledged and in the checkpoint."""
    in_flight_bytes: int = 0
    """Payload of those that are not acknowledged yet."""
    connected: bool | None = None
    """None: the destination has no connection to speak of, or has not tried yet."""
    refusing: str = ""
    """Why it does not take chunks now; "" where it does, or has got none yet."""
    rejecting: str = ""
    """Why it refused all or some of the newest chunk for good; "" where it did not."""
    rejected_parts: int = 0
    """Chunks of which a part was refused for good, and not whose that was."""
    last_error: str = ""
    last_error_at: float | None = None
    """Unix seconds."""
    ack_counts: list[int] = field(default_factory=lambda: [0] * (len(ACK_SECONDS) + 1))
    """Deliveries that took at most so long as `ACK_SECONDS` says; the last: longer."""
    ack_seconds: float = 0.0
    """Of all deliveries together."""

    def acknowledged(self, seconds: float) -> None:
        """Count one delivery, from sending to acknowledgement."""
        self.ack_counts[bisect_left(ACK_SECONDS, seconds)] += 1
        self.ack_seconds += seconds

    def failed(self, reason: str, at: float) -> None:
        """Remember the newest error. `at`: Unix seconds."""
        self.last_error, self.last_error_at = reason, at


@dataclass(slots=True)
class WorkerCounters:
    """The worker itself."""

    files: int = 0
    """Open."""
    held_bytes: int = 0
    """Of files that are deleted and still open: disk space only we hold."""
    checkpoints_saved: int = 0
    checkpoint_failures: int = 0
    checkpoints_set_aside: int = 0
    """1: the checkpoint could not be read at start."""
    discovery_failures: int = 0
    faults: int = 0
    """All faults, said or only counted."""
    native: bool | None = None
    """Whether lines are encoded by compiled code; None: the destination has none."""
    journal: bool | None = None
    """Whether the journal is read; None: the configuration or the host has none."""
    journal_reason: str = ""
    """Why it is not."""


@dataclass(slots=True)
class WorkerStats:
    """One line."""

    containers: list[ContainerCounters]
    destination: DestinationCounters
    worker: WorkerCounters

    def to_json(self) -> bytes:
        """One line of JSON, newline included."""
        return orjson.dumps(self, option=orjson.OPT_APPEND_NEWLINE)

    @staticmethod
    def from_json(line: bytes) -> WorkerStats:
        """Read what `to_json` wrote. Raise ValueError for anything else."""
        document = orjson.loads(line)
        try:
            containers = [
                ContainerCounters(
                    **{**row, "lost": {cause: Lost(**lost) for cause, lost in row["lost"].items()}}
                )
                for row in document["containers"]
            ]
            destination = DestinationCounters(**document["destination"])
            return WorkerStats(containers, destination, WorkerCounters(**document["worker"]))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a log worker's statistics: {error}") from None

    def total_lost(self) -> dict[Cause, Lost]:
        """All containers' losses together."""
        total: dict[Cause, Lost] = {}
        for container in self.containers:
            for cause, lost in container.lost.items():
                into = total.setdefault(cause, Lost())
                into.times += lost.times
                into.bytes += lost.bytes
                into.lines += lost.lines
        return total
