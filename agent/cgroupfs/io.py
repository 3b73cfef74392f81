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
from typing import NamedTuple

_DEVICE = re.compile(r"(\d+):(\d+)\Z")
_FIELD = re.compile(r"(rbytes|wbytes|rios|wios|dbytes|dios)=(\d+)(?= |\Z)")


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


def parse_io_stat(text: str) -> tuple[IoStat, ...]:
    """Parse io.stat. A line without a device number or without any counter is skipped."""
    devices = []
    for line in text.splitlines():
        device, _, rest = line.partition(" ")
        fields = dict(_FIELD.findall(rest))
        if not fields:
            continue
        # With several devices on one line the numbers belong to the one right before them.
        for word in rest.split(" "):
            if "=" in word:
                break
            device = word
        number = _DEVICE.match(device)
        if number:
            devices.append(
                IoStat(int(number[1]), int(number[2]), **{k: int(v) for k, v in fields.items()})
            )
    return tuple(devices)
