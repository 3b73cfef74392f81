"""The only place units change: kernel units to base units, and numbers to what a person reads.

Promises: pure; no rounding on the way to base units but the division's own; a human form never says
zero of something that is not (a rate of 0.2 B/s reads "<1"), and never grows past the width its
docstring gives, so that columns line up.

Base units are seconds, bytes, cores and ratios (1.0 is all of it).
"""

from __future__ import annotations

from typing import Final

_PREFIXES: Final = ("", "K", "M", "G", "T", "P", "E")
"""Powers of 1024, written with one letter: a column has no room for "GiB". Help texts say so."""


def seconds(usec: int) -> float:
    """Microseconds to seconds."""
    # One division: usec / 1000 / 1000 rounds twice, and shows it (14.036781000000001).
    return usec / 1_000_000


def human_size(count: float) -> str:
    """
    Bytes with three significant digits, at most five columns: "0", "812M", "3.97G", "1023K".

    Nothing is rounded up into the next unit before it is there: 1023 KiB stay "1023K".
    """
    if 0 < count < 1:
        return "<1"
    value, prefix = _scale(count, limit=1023.5)
    if not prefix or value >= 99.95:
        return f"{value:.0f}{prefix}"
    return f"{value:.2f}{prefix}" if value < 9.995 else f"{value:.1f}{prefix}"


def human_rate(count: float) -> str:
    """Bytes per second with two or three digits, at most four columns: "0", "<1", "12K", "1.2M"."""
    if 0 < count < 1:
        return "<1"
    value, prefix = _scale(count, limit=999.5)
    if not prefix or value >= 9.95:
        return f"{value:.0f}{prefix}"
    return f"{value:.1f}{prefix}"


def human_count(count: int) -> str:
    """A number of things, at most five columns: "84", "99999", "100k", "4.2M" (powers of 1000)."""
    if count < 100_000:
        return str(count)
    # 10 million and more processes or kills are not a number anybody reads to the last digit.
    return f"{count // 1000}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def human_cores(cores: float) -> str:
    """CPU time per time in cores, at most five columns: "0.03", "12.50", "128.3", "1024"."""
    if cores < 99.995:
        return f"{cores:.2f}"
    return f"{cores:.1f}" if cores < 999.95 else f"{cores:.0f}"


def human_percent(ratio: float) -> str:
    """A ratio as whole percent without the sign: 0.64 → "64". Rounded half to even."""
    return f"{ratio * 100:.0f}"


def human_duration(length: float) -> str:
    """Seconds as the two largest units, rounded down, in six columns: "59s", "3h12m", "41d"."""
    whole = int(length)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{rest:02d}m"
    days, rest = divmod(hours, 24)
    return f"{days}d{rest:02d}h" if days < 10 else f"{days}d"


def plural(count: int, noun: str) -> str:
    """A number with its noun: "1 restart", "2 restarts", "0 restarts"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _scale(count: float, *, limit: float) -> tuple[float, str]:
    """Divide by 1024 until below `limit`."""
    for prefix in _PREFIXES[:-1]:
        if count < limit:
            return count, prefix
        count /= 1024
    return count, _PREFIXES[-1]
