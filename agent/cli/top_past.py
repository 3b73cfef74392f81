"""`agent top` of the past: --at, --since and --from, printed, or on a screen that is never now."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Final

from agent.cli import past
from agent.cli.exits import OK
from agent.records import replace

if TYPE_CHECKING:
    from agent.config import Config
    from agent.model import Snapshot
    from agent.top.frame import Frame
    from agent.top.view import View

_SECONDS: Final = 60.0
"""Before the end, where no beginning is said."""


def look_back(arguments: argparse.Namespace, view: View, config: Config) -> int:
    """Print the rates over the time that is asked for, or show its end and let it be stepped."""
    from agent.cli.top import prints

    kept = past.open_past("top", arguments.file, config)
    found = past.snapshots("top", kept, past.span(arguments, kept, _SECONDS))
    if prints(arguments):
        from agent.cli.top_print import show_frame

        show_frame(arguments, view, _frame(found))
        return OK
    from agent.cli.top_live import show_past

    return show_past(arguments, replace(view, at=found[-1].wall_time), kept, found[-1])


def _frame(found: list[Snapshot]) -> Frame:
    from agent.top.frame import judge, make_frame
    from agent.top.making import LEAST

    first, last = found[0], found[-1]
    long = last.taken_at - first.taken_at >= LEAST
    return make_frame(
        first if len(found) > 1 else None,
        last,
        hostname=os.uname().nodename,
        delay=0.0,
        judgement=judge(found) if long else None,
    )
