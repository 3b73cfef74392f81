"""What the screen can do only with help from outside: each is handed in, and may be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container
from agent.past import Past
from agent.records import dataclass
from agent.top.view import View

if TYPE_CHECKING:
    from agent.top.watching import LogSink

FollowLog = Callable[[Container, "LogSink", Callable[[], bool]], str]
"""Writes a container's log to the sink until told to stop; returns why it ended, else ""."""


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """None: not to be had here, which is said when it is asked for."""

    pids: Callable[[Cgroup], Sequence[int]] | None = None
    """Processes of one cgroup, and below it."""
    follow_log: FollowLog | None = None
    moment: Callable[[str], float] | None = None
    """Unix seconds of a time as people write it. Raises ValueError, in words."""
    past: Past | None = None
    """Snapshots from before this run."""
    recent: Past | None = None
    """The same once more, for another thread: of the last minute, so that sparklines and WHY are
    there at once."""
    keep: Callable[[View], str] | None = None
    """Keeps what is chosen for the next time; returns where. Raises OSError."""
    replay: bool = False
    """`past` is all there is to see: it is never now."""
    begun: Callable[[], None] = _nothing
    """Called once, in another thread, after the first frame: starts what may be slow to start."""
