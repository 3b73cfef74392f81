"""One trace of one container: read each second, print what happened, and at the end the sum.

The probe is attached here and detached when the trace ends, however it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from typing import Generic, TypeVar

from agent.bpf.probe import Probe
from agent.bpf.reading import Hierarchy
from agent.bpf.stats import run_time, statistics
from agent.cgroupfs.ids import ids_below
from agent.records import dataclass
from agent.trace.tracers import Tracer

C = TypeVar("C")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Subject:
    """The container that is looked at."""

    title: str
    directories: Mapping[Hierarchy, str]
    """Of its cgroup, in the cgroup2 hierarchy and in that of block I/O."""
    names: Mapping[int, str]
    """Of all cgroups on the host, by their ids in the cgroup2 hierarchy."""

    def ids(self, hierarchy: Hierarchy) -> frozenset[int]:
        """Of its cgroup and those below it, now. Empty once it is gone."""
        return ids_below(self.directories[hierarchy])


@dataclass(frozen=True, slots=True)
class Second(Generic[S]):
    """What happened in one of the seconds, or in all of them."""

    number: int
    """From 1."""
    seconds: float
    state: S
    gone: bool = False
    """The container has ended."""


@dataclass(frozen=True, slots=True)
class Summary(Generic[S]):
    """The whole trace."""

    seconds: float
    state: S
    dropped: int
    """Events that were lost: a map was full, or an end was not seen."""
    cpu_seconds: float | None
    """What the probe's programs cost, all containers' events included."""
    unmeasured: str
    """Why that is not known; "" where it is."""


class Session(Generic[C, S]):
    """A trace. Iterate over `seconds` and then ask for the `summary`."""

    def __init__(
        self,
        tracer: Tracer[C, S],
        probe: Probe[C],
        subject: Subject,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`probe` is loaded and not attached."""
        self._tracer = tracer
        self._probe = probe
        self._subject = subject
        self._clock = clock
        self._sleep = sleep
        self._seen: set[int] = set()
        self._took = 0.0
        self._cost: float | None = None
        self._unmeasured = ""
        self._total: S | None = None
        self._first: S | None = None
        self._dropped = 0

    def seconds(self, most: float | None, delay: float = 1.0) -> Generator[Second[S], None, None]:
        """
        Attach, and yield each `delay` seconds what happened, until `most` seconds are over.

        None: until the container is gone. Raise OSError where the kernel does not let it attach.
        """
        self._aim()
        with statistics() as self._unmeasured:
            before = run_time(self._probe.program_fds())
            old = self._first = self._take()
            self._probe.attach()
            began = last = self._clock()
            try:
                number = 0
                while most is None or last - began < most:
                    number += 1
                    end = last + delay if most is None else min(last + delay, began + most)
                    self._sleep(max(0.0, end - self._clock()))
                    gone = not self._aim()
                    now = self._clock()
                    new = self._take()
                    yield Second(number, now - last, self._tracer.since(new, old), gone)
                    old, last = new, now
                    if gone:
                        break
            finally:
                self._took = self._clock() - began
                self._probe.detach()
                self._total = self._take()
                if not self._unmeasured:
                    ran = run_time(self._probe.program_fds()) - before
                    self._cost = ran.ns / 1e9

    def summary(self) -> Summary[S]:
        """Of a trace that has ended."""
        if self._total is None or self._first is None:
            raise RuntimeError("the trace has not begun")
        state = self._tracer.since(self._total, self._first)
        return Summary(self._took, state, self._dropped, self._cost, self._unmeasured)

    def _aim(self) -> bool:
        """Look at cgroups that are new below the container's. False once it is gone."""
        ids = self._subject.ids(self._probe.kind.hierarchy)
        if new := ids - self._seen:
            self._seen |= new
            if self._tracer.aim is not None:
                self._tracer.aim(self._probe.maps, new)
        return bool(ids)

    def _take(self) -> S:
        reading = self._probe.read()
        self._dropped = sum(reading.dropped.values())
        return self._tracer.take(reading, self._seen, self._subject.names)
