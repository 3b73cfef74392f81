"""/proc/meminfo: the machine's memory.

Docs    https://docs.kernel.org/filesystems/proc.html#meminfo
Units   the file says kB and means KiB; the fields here are bytes.

    MemTotal:       24641032 kB
    MemAvailable:   23420160 kB
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class Meminfo(NamedTuple):
    """The keys we use, in bytes. A key this kernel leaves out is None."""

    total: int | None
    free: int | None
    available: int | None
    cached: int | None
    swap_total: int | None
    swap_free: int | None


_KEYS = ("MemTotal", "MemFree", "MemAvailable", "Cached", "SwapTotal", "SwapFree")


def parse_meminfo(text: str) -> Meminfo:
    """Parse /proc/meminfo."""
    pairs = dict(line.partition(":")[::2] for line in text.splitlines())
    return Meminfo(*(_bytes(key, pairs.get(key)) for key in _KEYS))


def _bytes(key: str, value: str | None) -> int | None:
    if value is None:
        return None
    number, _, unit = value.strip().partition(" ")
    try:
        if unit != "kB":
            raise ValueError
        return int(number) * 1024
    except ValueError:
        raise UnexpectedText(f"{key}:{value}") from None
