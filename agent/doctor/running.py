"""What a running agent's own page says is wrong with it. Pure.

agent_history_up{reason="No space left on device"} 0.0        a part that does not work, and why
agent_probe_shed{probe="sched"} 1.0                           a probe that is too dear now
agent_source_failures_total{source="network"} 12.0            what went wrong since its start
"""

from __future__ import annotations

import re
from typing import Final

from agent.records import NamedTuple

_LINE: Final = re.compile(r"(agent_[a-z0-9_]+)(?:\{(.*)\})? ([0-9.eE+-]+)\Z")
_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_COUNTED: Final = re.compile(
    r"agent_[a-z0-9_]*(?:failures|faults|lost|missed|dropped|timeouts)[a-z0-9_]*_total\Z"
)
_STOPPED: Final = "agent_probe_shed"
"""1 while the governor keeps a probe stopped."""
_OFF: Final = frozenset({"off in the configuration", ""})
"""Reasons that nobody needs to be told."""
MOST: Final = 20


class Trouble(NamedTuple):
    """One series."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    @property
    def is_off(self) -> bool:
        """Whether it is a part that does not work, and not a count."""
        return self.name.endswith("_up") or self.name == _STOPPED

    def __str__(self) -> str:
        said = ", ".join(f"{name} {value}" for name, value in self.labels if value)
        return f"{self.name}{f' ({said})' if said else ''}"


def troubles(page: str) -> tuple[Trouble, ...]:
    """The series of the agent's own that say that something is wrong, at most `MOST`."""
    found = []
    for line in page.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        name, written, number = match.groups()
        try:
            value = float(number)
        except ValueError:
            continue
        labels = tuple((key, _unescaped(text)) for key, text in _LABEL.findall(written or ""))
        off = name.endswith("_up") and value == 0 and not _is_meant(labels)
        if off or (value > 0 and (name == _STOPPED or _COUNTED.match(name))):
            found.append(Trouble(name, labels, value))
    return tuple(found[:MOST])


def _is_meant(labels: tuple[tuple[str, str], ...]) -> bool:
    return any(name == "reason" and value in _OFF for name, value in labels)


def _unescaped(text: str) -> str:
    return text.replace(r"\n", "\n").replace(r"\"", '"').replace(r"\\", "\\")
