"""RFC 3339 times as runtimes write them, to whole nanoseconds.

2026-11-24T03:16:16.105173157Z          Docker; containerd on a UTC host
2026-11-24T08:46:16.1051+05:30          containerd writes the host's zone, zeros trimmed
2026-11-24T03:16:16.105173157+00:00     conmon (CRI-O, Podman): always nine digits
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

NANOSECONDS: Final = 1_000_000_000

SCALE: Final = (0, *(10 ** (9 - digits) for digits in range(1, 10)))
"""SCALE[n] × (n digits of a fraction) = nanoseconds."""

END: Final = (1 << 32) * NANOSECONDS
"""The Forward protocol's EventTime has 32 bits of seconds: until the year 2106."""

_RFC3339: Final = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))"
)


def second_of(time_ns: int) -> tuple[int, str]:
    """The second a time is in: nanoseconds at its beginning, and "2026-11-24T03:16:16" (UTC)."""
    seconds = time_ns // NANOSECONDS
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return seconds * NANOSECONDS, text


def parse_rfc3339(text: bytes) -> int | None:
    """
    Return nanoseconds since 1970, or None where `text` is not a time.

    None as well before 1970 and from 2106 on: no destination could say such a time. A leap second
    (":60") is the second after ":59"; digits after the ninth are dropped.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
    leap = second == 60
    try:
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC)
    except ValueError:
        return None
    seconds = int(moment.timestamp()) + leap
    fraction, sign, hours, minutes = match.groups()[6:]
    if sign is not None:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += offset if sign == b"-" else -offset
    time_ns = seconds * NANOSECONDS
    if fraction is not None:
        digits = fraction[:9]
        time_ns += int(digits) * SCALE[len(digits)]
    return time_ns if 0 <= time_ns < END else None
