"""Points in time as people write them.

5m  1h30m  90s  2d  1.5h           so long ago
2026-11-24T03:16:16.105173157Z     ISO 8601, to the nanosecond: as --timestamps writes it
2026-11-24T03:16:16  2026-11-24    without a zone it is this host's
1795490176  @1795490176.105        seconds since 1970, as Docker's --since takes them
03:12  03:12:30                    the last time it was so late, here
"""

from __future__ import annotations

import re
import time
from typing import Final

_NANOSECONDS: Final = 1_000_000_000
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGO: Final = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_SINCE_1970: Final = re.compile(r"@?(\d{9,11})(?:\.(\d{1,9}))?")
_FRACTION: Final = re.compile(r"[.,](\d{1,9})(?=Z|[+-]|\Z)")
_CLOCK: Final = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def moment(text: str, now_ns: int | None = None) -> int:
    """Nanoseconds since 1970. Raises ValueError, in words."""
    if _AGO.fullmatch(text):
        now_ns = time.time_ns() if now_ns is None else now_ns
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
        return now_ns - int(seconds * _NANOSECONDS)
    if _CLOCK.fullmatch(text):
        return _last(text, now_ns)
    if seconds_since := _SINCE_1970.fullmatch(text):
        return int(seconds_since[1]) * _NANOSECONDS + _fraction(seconds_since[2] or "")
    # Loaded here, for `agent --help` is asked by every completion.
    from datetime import datetime

    try:
        when = datetime.fromisoformat(text)
        # Whole seconds apart: a float has not enough digits, nor has a datetime.
        seconds = when.replace(microsecond=0).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{text!r}: write 5m, 1h30m, 2d, 03:12, or a time as 2026-11-24T03:16:16Z"
        ) from None
    digits = _FRACTION.search(text)
    return int(seconds) * _NANOSECONDS + _fraction(digits[1] if digits else "")


def _fraction(digits: str) -> int:
    """Nanoseconds that digits behind the point mean."""
    return int(digits.ljust(9, "0"))


def moment_seconds(text: str) -> float:
    """The same in seconds."""
    return moment(text) / _NANOSECONDS


def _last(clock: str, now_ns: int | None) -> int:
    """The last time this host's clock said so."""
    from datetime import datetime, timedelta

    now = datetime.fromtimestamp((time.time_ns() if now_ns is None else now_ns) / _NANOSECONDS)  # noqa: DTZ006 this host's
    hour, minute, second = (*map(int, clock.split(":")), 0)[:3]
    when = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if when > now:
        when -= timedelta(days=1)
    return int(when.timestamp()) * _NANOSECONDS
