"""The help, made from the key table, the columns and the sets: nothing to keep in step by hand."""

from __future__ import annotations

from collections.abc import Iterator

from agent.top.columns import COLUMNS
from agent.top.glyphs import Glyphs
from agent.top.keys import BINDINGS, SET_KEYS, Binding
from agent.top.panel import Panel
from agent.top.screen import Span, Style
from agent.top.sets import SETS
from agent.top.width import display_width, fit

_FILTER = (
    ("web", "a name, image, runtime or cgroup path contains it, or the id starts so"),
    ("ns=shop", "a field is it; * and ? stand for anything; != is not"),
    ("image~nginx", "a field fits a regular expression; !~ does not"),
    ("cpu>1.5", "also >= < <= =; 500m cores, 512M, 90%, 1h30m"),
    ("mem.limit=none", "there is no limit"),
    ("a b", "both; a or b: either; !a: not; ( ) group"),
)


def help_panel(glyphs: Glyphs) -> Panel:
    """The whole help."""
    entries = list(_entries(glyphs))
    width = max(display_width(name) for name, _ in entries)
    return Panel(
        "help",
        [
            (Span(f"   {fit(name, width)}  ", Style.KEY), Span(text))
            if text
            else (Span(f" {name}", Style.STRONG),)
            for name, text in entries
        ],
    )


def sections(glyphs: Glyphs) -> dict[str, list[tuple[str, str]]]:
    """Heading → (what is explained, how) below it."""
    found: dict[str, list[tuple[str, str]]] = {}
    below: list[tuple[str, str]] = []
    for name, text in _entries(glyphs):
        if text:
            below.append((name, text))
        else:
            below = found[name] = []
    return found


def _entries(glyphs: Glyphs) -> Iterator[tuple[str, str]]:
    """(what is explained, how); a heading has no text."""
    yield "Keys", ""
    for binding in BINDINGS:
        yield _keys(binding, glyphs), binding.help
    for key, number in SET_KEYS.items():
        yield key, f"columns: {SETS[number].name}"
    yield "mouse", "click a heading to sort, a row to choose it; the wheel moves"
    yield "Filter", ""
    yield from _FILTER
    yield "Signs", ""
    yield glyphs.denied, "there, but not permitted to this user"
    yield glyphs.unknown, "not told by this host, or no earlier reading to compare with"
    yield glyphs.unlimited, "no limit, or no request"
    yield from (
        (glyphs.critical, "critical"),
        (glyphs.warning, "warning"),
        (glyphs.notice, "explains something, breaks nothing"),
    )
    yield "Columns", ""
    for column in COLUMNS:
        yield column.heading, f"{column.says} ({column.key})"


def _keys(binding: Binding, glyphs: Glyphs) -> str:
    signs = {"Up": glyphs.up, "Down": glyphs.down, "Left": glyphs.left, "Right": glyphs.right}
    return "  ".join(signs.get(key, key) for key in binding.keys)
