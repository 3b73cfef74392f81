"""Pressure stall information: who waited, and for how long.

Files   <cgroup>/{cpu,memory,io,irq}.pressure and /proc/pressure/*
Docs    https://docs.kernel.org/accounting/psi.html
Units   avg*: percent of wall time, 0 to 100. total: microseconds, only rises.

    some avg10=0.12 avg60=0.07 avg300=0.01 total=1234567
    full avg10=0.00 avg60=0.00 avg300=0.00 total=345

"some": at least one task was stalled. "full": every non-idle task was.
"""

from __future__ import annotations

import re

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class Stall(NamedTuple):
    """One line of a pressure file."""

    avg10: float | None
    """The averages, in percent, are None where the file was not read (`agent.sweep`)."""
    avg60: float | None
    avg300: float | None
    total_usec: int


class Pressure(NamedTuple):
    """
    One pressure file. A line the kernel leaves out is None.

    irq has no "some". cpu has no "full" before Linux kernel commit e7fcd7622823 ("psi: Add
    PSI_CPU_FULL state") (in v5.13).
    """

    some: Stall | None
    full: Stall | None


_NUMBERS = r"avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)"
_USUAL = re.compile(rf"some {_NUMBERS}\nfull {_NUMBERS}\n")
"""What today's kernels write: a third of the time of looking line by line."""
_STALL = re.compile(rf"{_NUMBERS}(?: |\Z)")


def parse_pressure(text: str) -> Pressure:
    """Parse one pressure file. A kind of line from a newer kernel is skipped."""
    if usual := _USUAL.fullmatch(text):
        a, b, c, total, d, e, f, full_total = usual.groups()
        try:
            return Pressure(
                Stall(_average(a), _average(b), _average(c), int(total)),
                Stall(_average(d), _average(e), _average(f), int(full_total)),
            )
        except ValueError:
            raise UnexpectedText(text) from None
    some = full = None
    for line in text.splitlines():
        kind, _, pairs = line.partition(" ")
        if kind == "some":
            some = _parse_stall(line, pairs)
        elif kind == "full":
            full = _parse_stall(line, pairs)
    return Pressure(some, full)


def _average(text: str) -> float:
    # Most are this, and one zero takes less than thousands.
    return 0.0 if text == "0.00" else float(text)


def _parse_stall(line: str, pairs: str) -> Stall:
    # A pair from a newer kernel may follow, as they are added at the end.
    found = _STALL.match(pairs)
    if found is None:
        raise UnexpectedText(line)
    avg10, avg60, avg300, total = found.groups()
    try:
        return Stall(float(avg10), float(avg60), float(avg300), int(total))
    except ValueError:
        raise UnexpectedText(line) from None
