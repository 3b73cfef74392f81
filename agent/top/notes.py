"""Why something is not there, in words: what the markers on the screen stand for just now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.model import SourceHealth
from agent.top.columns import Column
from agent.top.glyphs import Glyphs
from agent.top.width import clean
from agent.usage import Unknown, Usage


def notes(
    rows: Sequence[Usage],
    columns: Iterable[Column],
    health: Iterable[SourceHealth],
    glyphs: Glyphs,
) -> tuple[str, ...]:
    """
    One sentence for each thing that is wrong, the most pressing first.

    A column counts as not permitted if any row of it is, as not told if every row of it is.
    """
    said = []
    for source in health:
        if source.failures:
            message = clean(source.message, ascii_only=glyphs.ascii_only)
            said.append(f"{glyphs.warning} {source.source}: {source.failures} failed: {message}")
    denied, missing = [], []
    for column in columns:
        reasons = [set(column.values(usage)) for usage in rows]
        if any(Unknown.DENIED in values for values in reasons):
            denied.append(column.key)
        elif reasons and all(values == {Unknown.UNSUPPORTED} for values in reasons):
            missing.append(column.key)
    if denied:
        said.append(f"{glyphs.denied} not permitted (try as root): {', '.join(denied)}")
    if missing:
        said.append(f"{glyphs.unknown} not told by this host: {', '.join(missing)}")
    return tuple(said)
