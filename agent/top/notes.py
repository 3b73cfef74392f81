"""Why something is not there, in words: what the markers on the screen stand for just now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.model import SourceHealth
from agent.top.column import Column
from agent.top.glyphs import Glyphs
from agent.top.row import Row, values_of
from agent.top.width import clean
from agent.usage import Unknown

_HARDLY_ANYWHERE = frozenset({"cpu.request", "cpu.of_request", "mem.request", "mem.of_request"})
"""Only where Kubernetes is asked: docs/top.md says so, not every screen."""


def notes(
    rows: Sequence[Row],
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
    # What has ended tells of nothing, which is no fault of the host's.
    here = [row for row in rows if not row.is_group and row.items[0].usage is not None]
    for column in columns:
        reasons = [set(values_of(column, row)) for row in here]
        if any(Unknown.DENIED in values for values in reasons):
            denied.append(column.key)
        elif (
            reasons
            and column.key not in _HARDLY_ANYWHERE
            and all(values == {Unknown.UNSUPPORTED} for values in reasons)
        ):
            missing.append(column.key)
    if denied:
        said.append(f"{glyphs.denied} not permitted (try as root): {', '.join(denied)}")
    if missing:
        said.append(f"{glyphs.unknown} not told by this host: {', '.join(missing)}")
    return tuple(said)
