"""The page of `agent doctor`, for a person. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.doctor.facts import Check, Level
from agent.encodable import visible
from agent.units import plural

_SIGNS: Final = {Level.OK: "ok      ", Level.NOTE: "note    ", Level.PROBLEM: "PROBLEM "}


def doctor_text(found: Sequence[Check]) -> str:
    """One line a check, with its fix below; the counts at the end."""
    lines = []
    for check in found:
        # A message may quote what a container chose itself.
        lines.append(_SIGNS[check.level] + visible(check.said))
        if check.fix:
            lines.append(f"          > {visible(check.fix)}")
    problems = sum(check.level is Level.PROBLEM for check in found)
    notes = sum(check.level is Level.NOTE for check in found)
    lines.append(f"\n{plural(len(found), 'check')}, {problems} failed, {plural(notes, 'note')}")
    return "\n".join(lines) + "\n"
