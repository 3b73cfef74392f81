"""`agent why` about the past: which Snapshots it looks at."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from agent.cli import past, targets
from agent.cli.exits import NOT_FOUND, USAGE

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.target import Target
    from agent.diagnosis.note import Note
    from agent.diagnosis.scene import Scene
    from agent.diagnosis.text import Then
    from agent.model import Snapshot

_LENGTH: Final = 300.0
"""Seconds before --at that are looked at where --since does not say."""
_LOOK: Final = 15.0
"""Seconds after which `agent run` has looked closer at what was wrong."""


def look_back(
    arguments: argparse.Namespace, config: Config, target: Target | None
) -> tuple[list[Snapshot], list[Note]]:
    """
    The Snapshots of the time that is asked for, oldest first, and what was seen closer then.

    Those after the last that has the target are left out: a container is explained until its end.
    Says what is wrong and exits where there are none.
    """
    if target is not None and target.form == "pid":
        print("agent why: a pid is of now: write the container's name or id", file=sys.stderr)
        raise SystemExit(USAGE)
    opened = past.open_past("why", arguments.file, config)
    found = past.snapshots("why", opened, past.span(arguments, opened, _LENGTH))
    if target is not None:
        found = _until_its_end(arguments.target, target, found)
    # A look is about what was wrong just before it.
    return found, list(opened.notes(found[0].wall_time, found[-1].wall_time + _LOOK))


def then(scene: Scene) -> Then:
    """The time looked at, for a person."""
    from agent.diagnosis.text import Then

    end = scene.wall_time
    return Then(_period(end - scene.seconds, end), time.strftime("%H:%M:%S", time.localtime(end)))


def _period(since: float, until: float) -> str:
    """2026-11-24 03:07:10 to 03:12:00."""
    first, last = time.localtime(since), time.localtime(until)
    same_day = first[:3] == last[:3]
    end = time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", last)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', first)} to {end}"


def _until_its_end(text: str, target: Target, snapshots: list[Snapshot]) -> list[Snapshot]:
    from agent.container.target import find

    # No /proc of now is looked at: only pid:N asks for one.
    counts = [len(find(target, targets.candidates(one), "/proc")) for one in snapshots]
    for place in range(len(snapshots) - 1, -1, -1):
        if counts[place] == 1:
            return snapshots[: place + 1]
        if counts[place]:
            found = find(target, targets.candidates(snapshots[place]), "/proc")
            print(targets.explained("why", text, found), file=sys.stderr)
            raise SystemExit(NOT_FOUND)
    times = _period(snapshots[0].wall_time, snapshots[-1].wall_time)
    print(f"agent why: no container was {text!r} {times}", file=sys.stderr)
    raise SystemExit(NOT_FOUND)
