"""Which CPUs this machine has, by sysfs.

    /sys/devices/system/cpu/online      "0-3"      those that run
    /sys/devices/system/cpu/possible    "0,2-5"    those a per-CPU map has a value for

Docs    https://docs.kernel.org/admin-guide/cputopology.html
"""

from __future__ import annotations

from typing import Final

_POSSIBLE: Final = "/sys/devices/system/cpu/possible"


def parse_cpus(text: str) -> tuple[int, ...]:
    """The numbers in a kernel's list of CPUs, "0-3,8", in its order."""
    cpus: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cpus.extend(range(int(first), int(last or first) + 1))
    return tuple(cpus)


def online_cpus(path: str = "/sys/devices/system/cpu/online") -> tuple[int, ...]:
    """Numbers of the CPUs that run now."""
    return _read(path)


def possible_cpus(path: str = _POSSIBLE) -> int:
    """How many values a per-CPU map holds for each key."""
    return len(_read(path))


def cpu_ids(path: str = _POSSIBLE) -> int:
    """One more than the highest number a CPU may have, which is more than there are in a gap."""
    return _read(path)[-1] + 1


def _read(path: str) -> tuple[int, ...]:
    with open(path, encoding="ascii") as file:
        return parse_cpus(file.read())
