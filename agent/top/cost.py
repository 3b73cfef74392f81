"""What this program itself uses, from /proc/self."""

from __future__ import annotations

import os
import time

from agent.kernelfile import UnexpectedText, read
from agent.top.frame import OwnCost


class CostMeter:
    """What this process used since it was last asked."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._page_size = os.sysconf("SC_PAGE_SIZE")

    def read(self) -> OwnCost:
        """CPU since the last call, memory now."""
        now = time.process_time(), time.monotonic()
        cores = None
        if self._last is not None and now[1] > self._last[1]:
            cores = (now[0] - self._last[0]) / (now[1] - self._last[1])
        self._last = now
        pages = read("/proc/self/statm", _parse_resident)
        return OwnCost(cores, None if pages is None else pages * self._page_size)


def _parse_resident(text: str) -> int:
    """The second number of /proc/PID/statm: resident pages."""
    fields = text.split()
    if len(fields) < 2 or not fields[1].isdigit():
        raise UnexpectedText(text)
    return int(fields[1])
