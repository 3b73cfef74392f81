"""What the watcher is told about a container."""

from __future__ import annotations

from collections.abc import Callable

from agent.records import NamedTuple


class Target(NamedTuple):
    """A container to watch."""

    inode: int
    """Of its cgroup."""
    pid: int | None
    """Its first process; None where that is not known."""
    pids: Callable[[], tuple[int, ...]]
    """Any of its processes; called only when there is no `pid`, from the watcher's thread."""
    in_pod: bool
    log_path: str
    """On the host; "" without a log file."""
    written: int | None
    """Bytes it has written to disks so far, page cache included; None where nobody counts that:
    then its files may have changed at any time."""
