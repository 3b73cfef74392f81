"""Pressure stall information: who waited, and for how long.

Files   <cgroup>/{cpu,memory,io,irq}.pressure and /proc/pressure/*
Docs    https://docs.kernel.org/accounting/psi.html
Units   avg*: percent of wall time, 0 to 100. total: microseconds, only rises.

    some avg10=0.12 avg60=0.07 avg300=0.01 total=1234567
    full avg10=0.00 avg60=0.00 avg300=0.00 total=345

"some": at least one task was stalled. "full": every non-idle task was.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.kernelfile import UnexpectedText


class Stall(NamedTuple):
    """One line of a pressure file."""

    avg10: float
    avg60: float
    avg300: float
    total_usec: int


class Pressure(NamedTuple):
    """
    One pressure file. A line the kernel leaves out is None.

    irq has no "some". cpu has no "full" before Linux kernel commit e7fcd7622823 ("psi: Add
    PSI_CPU_FULL state") (in v5.13).
    """

    some: Stall | None
    full: Stall | None


def parse_pressure(text: str) -> Pressure:
    """Parse one pressure file. A kind of line from a newer kernel is skipped."""
    some = full = None
    for line in text.splitlines():
        kind, _, pairs = line.partition(" ")
        if kind == "some":
            some = _parse_stall(line, pairs)
        elif kind == "full":
            full = _parse_stall(line, pairs)
    return Pressure(some=some, full=full)


def _parse_stall(line: str, pairs: str) -> Stall:
    values = dict(pair.partition("=")[::2] for pair in pairs.split())
    try:
        return Stall(
            avg10=float(values["avg10"]),
            avg60=float(values["avg60"]),
            avg300=float(values["avg300"]),
            total_usec=int(values["total"]),
        )
    except (KeyError, ValueError):
        raise UnexpectedText(line) from None
