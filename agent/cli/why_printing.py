"""How `agent why` writes where standard output goes to."""

from __future__ import annotations

import os
import shutil
import sys

from agent.diagnosis.text import Style
from agent.top.glyphs import ASCII, glyphs_for


def style(*, ascii_only: bool) -> Style:
    """Colour on a terminal alone, and only where NO_COLOR and TERM let it."""
    terminal = sys.stdout.isatty()
    glyphs = ASCII if ascii_only else glyphs_for(sys.stdout.encoding)
    return Style(
        width=max(shutil.get_terminal_size((100, 24)).columns, 60) if terminal else 100,
        colour=terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb",
        ascii_only=glyphs.ascii_only,
    )
