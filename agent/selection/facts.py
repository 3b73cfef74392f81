"""What an Item says beside its Usage: who it is, its age, what is kept free for it. Pure."""

from __future__ import annotations

from collections.abc import Callable

from agent.container.container import Container
from agent.kernelfile import UNLIMITED
from agent.selection.item import Item, Value
from agent.selection.read import GONE, Read, derived
from agent.usage import Unknown, Usage


def of_container(get: Callable[[Container], str]) -> Read:
    """A text of its container; "" for what is none."""
    return lambda item: "" if item.container is None else get(item.container)


def label(names: tuple[str, ...]) -> Callable[[Container], str]:
    """The first of some labels that a container has."""
    return lambda found: next((found.labels[name] for name in names if name in found.labels), "")


def state(item: Item) -> Value:
    """running, paused, exited; "down" for what ended and has no cgroup any more."""
    if item.usage is None:
        return "down" if item.container is None else ""
    return item.usage.state or item.usage.unknown["state"]


def age(item: Item) -> Value:
    """Seconds since its start."""
    if item.usage is None:
        return GONE
    known = item.usage.age(item.wall_time)
    return item.usage.unknown["started"] if known is None else known


def request(get: Callable[[Container], float | int | None]) -> Read:
    """What Kubernetes keeps free for it; UNLIMITED where it asks for nothing."""

    def read(item: Item) -> Value:
        if item.container is None or item.container.requests is None:
            return Unknown.UNSUPPORTED
        found = get(item.container)
        return UNLIMITED if found is None else found

    return read


def attempts(item: Item) -> Value:
    """Restarts the runtime counted."""
    attempt = None if item.container is None else item.container.attempt
    return Unknown.UNSUPPORTED if attempt is None else attempt


def memory_stat(get: str) -> Read:
    """A key of memory.stat, in bytes."""

    def value(usage: Usage) -> int | None:
        stat = usage.sample.reading.memory_stat
        found: int | None = None if stat is None else getattr(stat, get)
        return found

    return derived(value, lacks="memory_working_set")


def pids_of_limit(usage: Usage) -> float | None:
    """Tasks as a share of their limit; None without one."""
    limit = usage.pids_limit
    return (
        usage.pids / limit if usage.pids is not None and isinstance(limit, int) and limit else None
    )
