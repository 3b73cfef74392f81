"""`agent why` of one container, as a panel: the same text, in colours. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.diagnosis.finding import Severity
from agent.diagnosis.text import Style as TextStyle
from agent.diagnosis.text import diagnosis_text
from agent.records import replace
from agent.selection.item import Item
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.panel import Panel
from agent.top.screen import Span, Style
from agent.top.width import clean

_SEVERITIES: Final = (
    (Severity.CRITICAL, Style.CRITICAL),
    (Severity.WARNING, Style.WARNING),
    (Severity.NOTICE, Style.NOTICE),
)


def why_panel(frame: Frame, item: Item, width: int, glyphs: Glyphs) -> Panel:
    """What is wrong with `item`, by which evidence, and what to do."""
    title = f"why {item.title}"
    verdict = frame.verdict(item)
    judged = frame.judged(item)
    if judged is None:
        return Panel(title, [(Span(" a second must pass first", Style.FAINT),)])
    if verdict is None:
        return Panel(
            title,
            [(Span(" only containers are looked at, and it is none, or too new", Style.FAINT),)],
        )
    style = TextStyle(width=max(20, width - 1), ascii_only=glyphs.ascii_only)
    blind = tuple((lack, 1) for lack in verdict.blind)
    text = diagnosis_text(
        replace(judged.diagnosis, verdicts=(verdict,), blind=blind),
        judged.scene,
        style,
        one=True,
        host=item.on or "host",
    )
    return Panel(
        title,
        [tuple(_spans(line, style, glyphs)) for line in text.splitlines()],
        keys=(("l", "logs"), ("p", "processes")),
    )


def _spans(line: str, style: TextStyle, glyphs: Glyphs) -> Iterator[Span]:
    text = clean(line, ascii_only=glyphs.ascii_only)
    for severity, painted in _SEVERITIES:
        sign = f" {style.sign(severity)} "
        if text.startswith(sign):
            rule, gap, rest = text.partition("   ")
            yield Span(f" {rule}", painted)
            yield Span(gap + rest, Style.STRONG)
            return
    start = text.lstrip()
    if start.startswith(style.arrow):
        yield Span(f" {text}", Style.KEY)
    elif start.startswith(style.tick):
        yield Span(f" {text}", Style.GOOD)
    else:
        yield Span(f" {text}")
