"""What a trace prints, as text or as JSON lines. Pure."""

from __future__ import annotations

from typing import Final, TypeVar

import orjson

from agent.trace.session import Second, Summary
from agent.trace.tracers import Tracer

C = TypeVar("C")
S = TypeVar("S")

CLEAR: Final = "\x1b[H\x1b[2J"
"""For a terminal, which shows one second at a time."""
ROWS: Final = 16


def second_text(tracer: Tracer[C, S], title: str, second: Second[S]) -> str:
    """A table of one second, its longest rows first."""
    head = f"{title}  {tracer.headline(second.state, second.seconds)}  ({second.number} s)"
    lines = [head, *_rows(tracer.table(second.state, ROWS))]
    if second.gone:
        lines.append(f"{title} has ended")
    return "\n".join(lines) + "\n"


def summary_text(tracer: Tracer[C, S], title: str, summary: Summary[S]) -> str:
    """A table of all, and what it cost."""
    return "\n".join(
        [
            f"all {summary.seconds:.1f} s of {title}: "
            + tracer.headline(summary.state, summary.seconds),
            *_rows(tracer.table(summary.state, None)),
            *notes(summary),
            "",
        ]
    )


def notes(summary: Summary[S]) -> list[str]:
    """What else there is to say."""
    lines = []
    if summary.cpu_seconds is None:
        lines.append(f"what the probe cost is not known: {summary.unmeasured}")
    elif summary.seconds:
        share = 100 * summary.cpu_seconds / summary.seconds
        lines.append(
            f"the probe took {summary.cpu_seconds * 1000:.1f} ms of CPU, {share:.2f}% of a core,"
            " on the whole host"
        )
    if summary.dropped:
        lines.append(f"{summary.dropped} events were lost, so counts are too low")
    return lines


def fitted(text: str, width: int, height: int) -> str:
    """
    For a terminal of so many columns and lines, the last of which is for the cursor: longer lines
    are cut, and of lines below its end is told how many.
    """
    lines = text.splitlines()
    room = max(height - 1, 2)
    if len(lines) > room:
        lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more lines"]
    return "".join((x if len(x) <= width else x[: width - 1] + "…") + "\n" for x in lines)


def second_json(tracer: Tracer[C, S], title: str, second: Second[S]) -> str:
    """One line."""
    return _line(
        {
            "schema_version": 1,
            "container": title,
            "second": second.number,
            "seconds": second.seconds,
            "ended": second.gone,
            tracer.name: tracer.document(second.state),
        }
    )


def summary_json(tracer: Tracer[C, S], title: str, summary: Summary[S]) -> str:
    """The last line."""
    return _line(
        {
            "schema_version": 1,
            "container": title,
            "summary": True,
            "seconds": summary.seconds,
            "dropped": summary.dropped,
            "probe_cpu_seconds": summary.cpu_seconds,
            "unknown": {"probe_cpu_seconds": summary.unmeasured} if summary.unmeasured else {},
            tracer.name: tracer.document(summary.state),
        }
    )


def _rows(table: list[str]) -> list[str]:
    """Without a heading that nothing stands below."""
    return table if len(table) > 1 else []


def _line(record: dict[str, object]) -> str:
    return orjson.dumps(record).decode() + "\n"
