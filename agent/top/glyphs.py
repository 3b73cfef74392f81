"""The few signs the screen and the table use, in Unicode and in ASCII.

Each is one column wide. The three markers are never a number, and never each other.
"""

from __future__ import annotations

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs."""

    ascii_only: bool
    denied: str = "?"
    """It is there and this process may not read it."""
    unknown: str = "–"
    """This host does not say, or there is no earlier reading to compare with."""
    unlimited: str = "·"
    """There is no limit to be a share of."""
    ellipsis: str = "…"
    descending: str = "▼"
    ascending: str = "▲"
    live: str = "●"
    paused: str = "‖"
    critical: str = "✖"
    warning: str = "⚠"
    notice: str = "•"
    folded: str = "▸"
    unfolded: str = "▾"
    rule: str = "─"
    total: str = "Σ"
    chosen: str = "✔"
    bars: str = " ▁▂▃▄▅▆▇█"
    """From nothing to all."""
    up: str = "↑"
    down: str = "↓"
    left: str = "←"
    right: str = "→"
    cursor: str = "█"


UNICODE = Glyphs(ascii_only=False)
ASCII = Glyphs(
    ascii_only=True,
    unknown="-",
    unlimited=".",
    ellipsis="~",
    descending="v",
    ascending="^",
    live="*",
    paused="=",
    critical="X",
    warning="!",
    notice="-",
    folded="+",
    unfolded="-",
    rule="-",
    total="=",
    chosen="x",
    bars=" ._-=+*%#",
    up="Up",
    down="Down",
    left="Left",
    right="Right",
    cursor="_",
)


def glyphs_for(encoding: str) -> Glyphs:
    """The signs a terminal or file of this encoding can show."""
    return UNICODE if encoding.upper().replace("-", "") == "UTF8" else ASCII
