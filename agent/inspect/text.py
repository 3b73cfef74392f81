"""Values as a person reads them. What a container chose itself is made harmless for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from agent.cgroupfs.cpu import CpuMax
from agent.encodable import visible
from agent.kernelfile import UNLIMITED, Limit
from agent.units import human_cores, human_duration, human_size

NOT_KNOWN: Final = "?"
NONE: Final = "-"


def command(args: Sequence[str]) -> str:
    """A command line that a shell would take."""
    return visible(" ".join(shlex.quote(arg) for arg in args))


def moment(seconds: float, now: float) -> str:
    """ "2026-11-24 02:59:52 UTC, 3h12m ago"."""
    written = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{written}, {human_duration(max(0.0, now - seconds))} ago"


def clock(seconds: float) -> str:
    """ "24T02:59:52Z": the day of the month and the time, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%dT%H:%M:%SZ")


def size_limit(limit: Limit | None) -> str:
    """Bytes; "no limit", or "?" where the kernel does not say."""
    return _limit(limit) or human_size(_number(limit))


def count_limit(limit: Limit | None) -> str:
    """A number."""
    return _limit(limit) or str(_number(limit))


def cpu_limit(limit: CpuMax | None) -> str:
    """Cores."""
    if limit is None:
        return NOT_KNOWN
    return "no limit" if limit.cores is None else human_cores(limit.cores)


def _limit(limit: Limit | None) -> str:
    if limit is None:
        return NOT_KNOWN
    return "no limit" if limit is UNLIMITED else ""


def _number(limit: Limit | None) -> int:
    return limit if isinstance(limit, int) else 0
