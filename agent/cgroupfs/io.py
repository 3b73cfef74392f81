"""io.stat: bytes and requests by block device.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#io-interface-files
Units   *bytes: bytes. *ios: requests. All only rise.

    8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 dios=3021

Shapes seen in the wild that must lose nothing but themselves: a device with no numbers ("7:0 "),
several devices on one line ("7:7 7:6 rbytes=…": the numbers are the last one's), a device named
"(unknown)" (zfs, NVMe multipath), and a torn first line.
"""

from __future__ import annotations

import re

from agent.records import NamedTuple


class IoStat(NamedTuple):
    """One device's line."""

    major: int
    minor: int
    rbytes: int | None = None
    wbytes: int | None = None
    rios: int | None = None
    wios: int | None = None
    dbytes: int | None = None
    dios: int | None = None
    cost_usage: int | None = None
    """cost.*: microseconds, of devices with blk-iocost on (block/blk-iocost.c, ioc_pd_stat). usage:
    device time by the cost model; the other three only with blkcg_debug_stats."""
    cost_wait: int | None = None
    """Waited for device time."""
    cost_indebt: int | None = None
    """Owed device time, for requests that cannot wait (swap, journal)."""
    cost_indelay: int | None = None
    """Slowed down for what is owed."""


_COUNTERS = tuple(name.replace("cost_", "cost.") for name in IoStat._fields[2:])
_NO_COUNTERS = (None,) * len(_COUNTERS)


_USUAL = re.compile(
    r"(\d+):(\d+) rbytes=(\d+) wbytes=(\d+) rios=(\d+) wios=(\d+) dbytes=(\d+) dios=(\d+)"
)


def parse_io_stat(text: str) -> tuple[IoStat, ...]:
    """Parse io.stat. A line without a device number or without any counter is skipped."""
    parsed = (_parse_usual(line) or _parse_device(line.split()) for line in text.splitlines())
    return tuple(device for device in parsed if device is not None)


def _parse_usual(line: str) -> IoStat | None:
    """The line of a device without blk-iocost, in a third of the time; None for any other."""
    usual = _USUAL.fullmatch(line)
    return None if usual is None else IoStat(*map(int, usual.groups()))


def _parse_device(words: list[str]) -> IoStat | None:
    first = next((index for index, word in enumerate(words) if "=" in word), 0)
    if first == 0:
        return None  # no counters, or no device: the kernel starts a line with neither
    counters = dict(word.partition("=")[::2] for word in words[first:])
    # With several devices on one line the numbers belong to the one right before them.
    major, _, minor = words[first - 1].partition(":")
    try:
        device = IoStat(
            int(major),
            int(minor),
            *[None if (v := counters.get(key)) is None else int(v) for key in _COUNTERS],
        )
    except ValueError:
        return None  # "(unknown)", or a torn line: it loses only itself
    return device if device[2:] != _NO_COUNTERS else None
