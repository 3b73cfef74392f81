"""TARGET among the containers that do not run: those of the history, and of the runtimes' records.

The history has each start and end of the last day, where an agent runs; the records have the last
end, of what its runtime still keeps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from agent.cli import past, targets
from agent.cli.exits import NOT_FOUND
from agent.faults import told
from agent.records import NamedTuple, replace

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.container import Container
    from agent.container.target import Candidate, Target
    from agent.lifecycle.ended import Ended
    from agent.lifecycle.events import Event
    from agent.lifecycle.recorded_ends import Wanted
    from agent.lifecycle.totals import Identity
    from agent.model import Snapshot

_OFTEN: Final = 3
"""Restarts of one that is looked for where nobody named it."""
_SAME: Final = 2.0
"""Seconds by which two words for one end may differ."""


class Meant(NamedTuple):
    """What a target is on this host now."""

    running: Candidate | None
    down: Mapping[Identity, Ended]
    """What of it does not run: all of it, or what failed of a pod of which the rest runs."""
    known: Mapping[Identity, Ended]
    """All last ends that are known of it."""

    @property
    def identities(self) -> frozenset[Identity]:
        """Of all that is meant."""
        from agent.lifecycle.totals import identity_of

        running = () if self.running is None else (identity_of(self.running.container),)
        return frozenset({*self.down, *running})


def the_one(command: str, text: str, target: Target, snapshot: Snapshot, config: Config) -> Meant:
    """
    The container that is meant, running or not; where there are none or several that run, says so
    and exits. `text`: as it was written.
    """
    from agent.container.container import Kind
    from agent.container.target import find
    from agent.lifecycle.totals import identity_of

    proc = config.paths.proc
    found = find(target, targets.candidates(snapshot), proc)
    live = [each for each in found if each.container.kind in (Kind.CONTAINER, Kind.SERVICE)]
    known = ended_like(command, target, config, missed=not live)
    if len(live) == 1:
        own = live[0].container
        beside = {
            identity: each
            for identity, each in known.items()
            # Of this very pod: one of that name may have been there before.
            if own.pod_uid and each.container.pod_uid == own.pod_uid and failed(each)
        }
        beside.pop(identity_of(own), None)
        return Meant(live[0], beside, known)
    if not live and known:
        return Meant(None, narrowed(known), known)
    if found and not live:
        print(
            f"agent {command}: no container of {text!r} runs, and of none the end is known:"
            " there is its sandbox alone",
            file=sys.stderr,
        )
        raise SystemExit(NOT_FOUND)
    return Meant(targets.the_one(command, text, target, snapshot, proc), {}, {})


def narrowed(down: Mapping[Identity, Ended]) -> Mapping[Identity, Ended]:
    """Those that failed, where there are any."""
    return {identity: each for identity, each in down.items() if failed(each)} or down


def failed(ended: Ended) -> bool:
    """Whether it did not just do its work: an init container that is done is nobody's question."""
    last = ended.total.last
    return bool(ended.total.attempt) or last is None or last.code != 0


def ended_like(
    command: str, target: Target, config: Config, *, missed: bool
) -> dict[Identity, Ended]:
    """Those that `target` may mean. missed: where there are none, say what could not be read."""
    if target.form == "pid":
        return {}
    found, unread = _ended(config, lambda container: bool(meant(target, [(0, container)])))
    places = list(found)
    runs = [
        (number, replace(found[identity].container, id=id_))
        for number, identity in enumerate(places)
        for id_ in found[identity].ids
    ]
    like = {places[number]: found[places[number]] for number in meant(target, runs)}
    for message in unread if missed and not like else ():
        print(f"agent {command}: not read: {message}", file=sys.stderr)
    return like


def meant(target: Target, runs: Iterable[tuple[int, Container]]) -> list[int]:
    """The numbers of those that a target means; of cgroup:/path, by the id in it."""
    from agent.cgroupfs.reading import Cgroup
    from agent.container.target import Candidate, find

    if target.form == "cgroup":
        return [
            number for number, container in runs if container.id and container.id in target.text
        ]
    candidates = [Candidate(Cgroup(number, "", 0.0), container) for number, container in runs]
    # No /proc is looked at: only pid:N asks for one.
    return [found.cgroup.inode for found in find(target, candidates, "/proc")]


def restarted_often(config: Config) -> dict[Identity, Ended]:
    """Those that may be between two restarts, of the whole host."""
    found, _ = _ended(config, lambda container: (container.attempt or 0) >= _OFTEN)
    return {i: each for i, each in found.items() if (each.total.attempt or 0) >= _OFTEN}


def _ended(config: Config, wanted: Wanted) -> tuple[dict[Identity, Ended], list[str]]:
    """All that are known, and what could not be read."""
    from agent.container.failures import Failures
    from agent.lifecycle.ended import ended_of
    from agent.lifecycle.recorded_ends import recorded_ends

    failures = Failures()
    events: list[Event] = []
    unread: list[str] = []
    try:
        events = past.of_the_day(config)
    except FileNotFoundError:
        pass  # no agent runs here; the records are left
    except OSError as error:
        unread.append(f"the history: {told(error)}")
    recorded = recorded_ends(config.paths, wanted, failures)
    kept = ended_of(events, "starts and ends of the history")
    return together(kept, recorded), [*unread, *failures.messages()]


def together(kept: Mapping[Identity, Ended], recorded: Iterable[Ended]) -> dict[Identity, Ended]:
    """
    The latest end of each: by the history where it has it, which says more; whether it is started
    again only its runtime says.
    """
    latest: dict[Identity, Ended] = {}
    for each in sorted(recorded, key=lambda each: each.at):
        before = latest.get(each.total.identity)
        ids = each.ids if before is None else each.ids | before.ids
        latest[each.total.identity] = replace(each, ids=ids)
    found = dict(kept)
    for identity, each in latest.items():
        known = found.get(identity)
        if known is None or known.at < each.at - _SAME:
            found[identity] = each
        else:
            found[identity] = replace(known, restarting=each.restarting)
    return found
