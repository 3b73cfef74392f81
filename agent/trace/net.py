"""`agent trace --net`: what TCP does for a container's sockets, on the host's network too.

Pure: everything is a function of two readings of the probe "tcp".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.bpf.addition import add_up
from agent.bpf.tcp_counts import TcpCounts
from agent.trace.buckets import human_ns
from agent.trace.text import columns
from agent.units import human_size

_NUMBERS = (
    "connects",
    "accepts",
    "resets_sent",
    "resets_received",
    "retransmits",
    "bytes_sent",
    "bytes_retransmitted",
    "bytes_received",
)
_TIMES: Final = {"connect_latency": "connect latency", "rtt": "round trip at the end"}
"""Name -> in words."""

Numbers = dict[str, int | None]
"""Name -> how many; None: not counted here."""


def numbers(cgroups: Sequence[TcpCounts]) -> Numbers:
    """The sum over a container's cgroups, by name; times in nanoseconds and how many."""
    total = add_up(cgroups[1:], cgroups[0])
    found: Numbers = {name: getattr(total, name) for name in _NUMBERS}
    for reason, count in (total.failures or {}).items():
        found[f"failed_{reason}"] = count
    for name in _TIMES:
        durations = getattr(total, name)
        found[f"{name}_ns"] = None if durations is None else durations.ns
        found[f"{name}_count"] = None if durations is None else durations.total
    return found


def since(new: Numbers, old: Numbers) -> Numbers:
    """What happened between two readings."""
    return {
        name: None if count is None else count - (old.get(name) or 0) for name, count in new.items()
    }


def headline(found: Numbers, seconds: float) -> str:
    """ "3 connects/s, 2 accepts/s"."""
    return ", ".join(
        f"{(found[name] or 0) / seconds:.0f} {name}/s" for name in ("connects", "accepts")
    )


def table(found: Numbers, _most: int | None = None) -> list[str]:
    """What happened at all, a line each; times as their mean."""
    rows = [
        (_words(name), human_size(count) if name.startswith("bytes_") else str(count))
        for name, count in found.items()
        if count and not name.endswith(("_ns", "_count"))
    ]
    for name in _TIMES:
        count, ns = found[f"{name}_count"], found[f"{name}_ns"]
        if count and ns is not None:
            rows.append((f"{_TIMES[name]}, mean of {count}", human_ns(ns / count)))
    return columns(("TCP", "COUNT", ""), [(*row, "") for row in rows])


def document(found: Numbers) -> dict[str, int | float | None]:
    """For JSON: times in seconds, all together, beside how many there were."""
    return {
        f"{name.removesuffix('_ns')}_seconds" if name.endswith("_ns") else name: (
            count / 1e9 if name.endswith("_ns") and count is not None else count
        )
        for name, count in found.items()
    }


def _words(name: str) -> str:
    if name.startswith("failed_"):
        return "connects that failed: " + name.removeprefix("failed_").replace("_", " ")
    words = name.replace("_", " ")
    return f"{words}, by closed connections" if name.startswith("bytes_") else words
