"""One run of one container, from the making of its cgroup to its end: observations in, events out.

Pure: no clock, no I/O. Observations come in any order and may be missing; the promises hold anyway:

    one FOUND or STARTED, then at most one EXITED, nothing after it
    EXITED is said as soon as name, status and counters are known, at the latest with `TimeUp`
    each process the OOM killer took is in one OOM_KILLED event, before EXITED
    what was never told to be a container says nothing
"""

from __future__ import annotations

import os
from typing import Final

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container
from agent.lifecycle.events import (
    KILLED,
    SIGNALLED,
    Counters,
    Event,
    Exit,
    Health,
    Reason,
    Source,
    What,
)
from agent.records import dataclass, replace


@dataclass(frozen=True, slots=True)
class Named:
    """Who the container is, or better than before."""

    container: Container


@dataclass(frozen=True, slots=True)
class Preparing:
    """The runtime still sets it up: what is counted until now is not the container's own doing."""

    counters: Counters


@dataclass(frozen=True, slots=True)
class Begun:
    """Its own program runs."""

    at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Its first process ended, or the last one left the cgroup."""

    at: float


@dataclass(frozen=True, slots=True)
class Status:
    """How the first process ended: a wait(2) status."""

    status: int
    source: Source = Source.PROCESS


@dataclass(frozen=True, slots=True)
class Counted:
    """A look at the cgroup's counters."""

    at: float
    counters: Counters


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the runtime wrote down about this run. None: it does not say."""

    at: float
    """When it was read."""
    exit_code: int | None = None
    failed: bool = False
    """The program could not be started; the exit code is the runtime's word for that."""
    oom_killed: bool | None = None
    health: Health | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """The cgroup is gone."""

    at: float


@dataclass(frozen=True, slots=True)
class TimeUp:
    """There is no more waiting: say what is known."""


_GIVEN_UP: Final = 1
"""The status of runc's and crun's first process when the program could not be started."""

Observation = Named | Preparing | Begun | Ended | Status | Counted | Recorded | Removed | TimeUp


class Run:
    """One run."""

    def __init__(
        self, cgroup: Cgroup, *, at: float, adopted: bool = False, base: Counters | None = None
    ) -> None:
        """
        at: Unix seconds when it was seen first. adopted: it ran before we looked. base: what an
        earlier run in the same cgroup left in its counters.
        """
        self.cgroup = cgroup
        """May be set anew while not all of its hierarchies are there yet."""
        self.container: Container | None = None
        self.said_start = False
        self.over = False
        """EXITED was said, or there was no container: nothing more comes."""
        self.counters: Counters | None = None
        """The latest look."""
        self._counted = at
        self.adopted = adopted
        self._base = base or Counters()
        self._setup = self._base
        """The counters when its own program began, as near as it was seen."""
        self._appeared = at
        self._began: float | None = None
        self._ended: float | None = None
        self._removed = False
        self._status: int | None = None
        self._status_source = Source.PROCESS
        self._recorded = Recorded(at)
        self._oom_kills_said = self._base.oom_kills or 0
        self._health_said: Health | None = None
        if adopted:
            # What happened before we came was nobody's news; the first look sets the mark.
            self._oom_kills_said = -1

    @property
    def began(self) -> float:
        """Unix seconds of its program's start, or when the cgroup was seen."""
        return self._appeared if self._began is None else self._began

    @property
    def ended(self) -> bool:
        """Whether it ended; EXITED may still wait for what is not known yet."""
        return self._ended is not None

    @property
    def status_known(self) -> bool:
        """Whether the status its first process ended with is known."""
        return self._status is not None

    def observe(self, seen: Observation) -> tuple[Event, ...]:
        """Take one observation; return what it makes known, oldest first."""
        if self.over:
            return ()
        self._take(seen)
        return tuple(self._settle(time_up=isinstance(seen, TimeUp)))

    def _take(self, seen: Observation) -> None:
        match seen:
            case Named(container):
                self.container = container
            case Preparing(counters):
                if self._began is None and not self.ended:
                    self._setup = counters
            case Begun(at):
                self._began = at if self._began is None else self._began
            case Ended(at):
                self._ended = at if self._ended is None else self._ended
            case Status(status, source):
                if self._status is None:
                    self._status, self._status_source = status, source
            case Counted():
                self._count(seen)
            case Recorded():
                self._recorded = _newer(self._recorded, seen)
            case Removed(at):
                self._removed = True
                self._ended = at if self._ended is None else self._ended
            case TimeUp():
                pass

    def _count(self, seen: Counted) -> None:
        counters = seen.counters
        self._counted = seen.at
        if self._oom_kills_said < 0:
            # An adopted run: what was killed before is in the cgroup's counter, and not news.
            self._oom_kills_said = 0 if self.ended else counters.oom_kills or 0
        self.counters = counters if self.counters is None else self.counters.later(counters)

    def _settle(self, *, time_up: bool) -> list[Event]:
        container = self.container
        if container is None:
            self.over = self._removed and time_up
            return []
        exit_due = self.ended and (time_up or self._is_whole(container))
        events: list[Event] = []
        if not self.said_start:
            if not (exit_due or self._start_is_due(container, time_up=time_up)):
                return []
            self.said_start = True
            self._health_said = self._recorded.health
            what = What.FOUND if self.adopted else What.STARTED
            events.append(self._event(self.began, what, container, health=self._health_said))
        events += self._news(container)
        if exit_due and self._ended is not None:
            self.over = True
            events.append(self._event(self._ended, What.EXITED, container, exit=self._exit()))
        return events

    def _start_is_due(self, container: Container, *, time_up: bool) -> bool:
        # A name is worth waiting for: it is who the event is about.
        return self._began is not None and (
            container.complete or (time_up and bool(container.name))
        )

    def _news(self, container: Container) -> list[Event]:
        events = []
        killed = (self.counters and self.counters.oom_kills) or 0
        if 0 <= self._oom_kills_said < killed:
            added = killed - self._oom_kills_said
            self._oom_kills_said = killed
            at = self._counted if self._ended is None else min(self._counted, self._ended)
            events.append(self._event(at, What.OOM_KILLED, container, oom_kills=added))
        health = self._recorded.health
        if health is not None and health is not self._health_said and not self.ended:
            self._health_said = health
            events.append(self._event(self._recorded.at, What.HEALTH, container, health=health))
        return events

    def _is_whole(self, container: Container) -> bool:
        """Whether waiting could add nothing to EXITED that anybody misses."""
        if not (container.complete or container.name):
            return False
        code = self._code()
        if code is None or (self.counters is None and not self._removed):
            return False
        if self._recorded.oom_killed is not None:
            return True
        if self._began is None and code == _GIVEN_UP:
            return False
        return code != KILLED or self._oom_kills() is not None

    def _code(self) -> int | None:
        if self._status is None or self._recorded.failed:
            return self._recorded.exit_code
        if os.WIFSIGNALED(self._status):
            return SIGNALLED + os.WTERMSIG(self._status)
        return os.WEXITSTATUS(self._status)

    def _source(self) -> Source | None:
        if self._status is None or self._recorded.failed:
            return None if self._recorded.exit_code is None else Source.RUNTIME
        return self._status_source

    def _oom_kills(self) -> int | None:
        """Processes killed in this run."""
        if self.counters is None:
            return None
        return self.counters.since(self._base).oom_kills

    def _exit(self) -> Exit:
        code = self._code()
        signalled = self._status is not None and os.WIFSIGNALED(self._status)
        assert self._ended is not None
        return Exit(
            code=code,
            source=self._source(),
            signal=os.WTERMSIG(self._status) if self._status is not None and signalled else None,
            reason=self._reason(code),
            ran=None if self._began is None else max(self._ended - self._began, 0.0),
            counters=self._used(),
            final=self._counted >= self._ended,
        )

    def _used(self) -> Counters | None:
        """What the container itself used in this run."""
        # Whoever was killed belongs to the run: the limit is the container's from the start.
        kills = self._oom_kills()
        if self._recorded.oom_killed:
            kills = max(kills or 0, 1)  # the runtime saw one that our look came too late for
        if self.counters is None:
            return None if kills is None else Counters(oom_kills=kills)
        return replace(self.counters.since(self._setup), oom_kills=kills)

    def _reason(self, code: int | None) -> Reason:
        # 137 without a signal is a shell whose child was killed, and ends for that.
        if self._recorded.oom_killed or (code == KILLED and (self._oom_kills() or 0) > 0):
            return Reason.OOM_KILLED
        if code is None:
            return Reason.UNKNOWN
        return Reason.COMPLETED if code == 0 else Reason.ERROR

    def _event(
        self,
        at: float,
        what: What,
        container: Container,
        *,
        exit: Exit | None = None,  # noqa: A002 the field's name
        oom_kills: int | None = None,
        health: Health | None = None,
    ) -> Event:
        return Event(
            at=at,
            what=what,
            cgroup=self.cgroup,
            container=container,
            exit=exit,
            oom_kills=oom_kills,
            health=health,
        )


def _newer(old: Recorded, new: Recorded) -> Recorded:
    return Recorded(
        at=new.at,
        failed=old.failed or new.failed,
        exit_code=old.exit_code if new.exit_code is None else new.exit_code,
        oom_killed=old.oom_killed if new.oom_killed is None else new.oom_killed,
        health=old.health if new.health is None else new.health,
    )
