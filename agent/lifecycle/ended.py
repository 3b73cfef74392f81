"""Containers that ended and do not run again yet: how, by the starts and ends that were kept.

Pure. What happened before the first event that is given is not in the sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agent.container.container import Container, Kind
from agent.lifecycle.events import Event, What
from agent.lifecycle.totals import Identity, Total, Totals, identity_of
from agent.records import dataclass

_PAUSES: Final = 4
"""The latest, which show whether they grow."""
_EVERY: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One container, as it was when it ended last."""

    container: Container
    """Of its latest run."""
    ids: frozenset[str]
    """Of all its runs that are known: Kubernetes gives each another one."""
    total: Total
    """`last` and `ended` are set."""
    pauses: tuple[float, ...] = ()
    """Seconds from an end to the start after it, of the latest starts, oldest first."""
    source: str
    """Who told it."""
    restarting: bool | None = None
    """Whether the runtime says that it starts it again. None: it does not say."""

    @property
    def at(self) -> float:
        """Unix seconds of the end."""
        assert self.total.ended is not None
        return self.total.ended


def ended_of(events: Iterable[Event], source: str) -> dict[Identity, Ended]:
    """Every container whose latest event, of those given, is its end. `events`: in any order."""
    totals = Totals(most=_EVERY, keep=float("inf"), clock=lambda: 0.0)
    latest: dict[Identity, Event] = {}
    ids: dict[Identity, set[str]] = {}
    pauses: dict[Identity, list[float]] = {}
    for event in sorted(events, key=lambda event: event.at):
        if event.container.kind is not Kind.CONTAINER:
            continue
        totals.add(event)
        if event.what not in (What.FOUND, What.STARTED, What.EXITED):
            continue
        identity = identity_of(event.container)
        before = latest.get(identity)
        if event.what is What.STARTED and before is not None and before.what is What.EXITED:
            pauses.setdefault(identity, []).append(event.at - before.at)
        latest[identity] = event
        ids.setdefault(identity, set()).add(event.container.id)
    return {
        total.identity: Ended(
            container=latest[total.identity].container,
            ids=frozenset(ids[total.identity]),
            total=total,
            pauses=tuple(pauses.get(total.identity, ())[-_PAUSES:]),
            source=source,
        )
        for total in totals.read().totals
        if total.last is not None and latest[total.identity].what is What.EXITED
    }
