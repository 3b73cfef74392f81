"""Which rows a filter text keeps.

Now: a text that occurs, in any case, in the name, the image, the runtime or the cgroup path, or
that starts the container's id. A Filter is a predicate with the text it came from, so the language
can grow behind `parse_filter` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.usage import Usage


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter text."""

    text: str
    matches: Callable[[Usage], bool]


def parse_filter(text: str) -> Filter:
    """Parse a filter text. An empty one keeps everything."""
    wanted = text.strip().casefold()
    return Filter(text, lambda usage: _contains(usage, wanted))


def _contains(usage: Usage, wanted: str) -> bool:
    container = usage.container
    if container is None:
        return wanted in usage.cgroup.path.casefold()
    fields = (container.title, container.name, container.image, container.runtime)
    if any(wanted in field.casefold() for field in fields):
        return True
    return container.id.casefold().startswith(wanted) or wanted in usage.cgroup.path.casefold()
