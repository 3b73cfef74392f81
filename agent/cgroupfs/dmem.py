"""dmem.current, dmem.peak, dmem.max: memory of devices, above all of graphics cards.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#dmem-interface-files
        since Linux kernel commit b168ed458dde ("kernel/cgroup: Add "dmem" memory accounting
        cgroup") (in v6.14)
Units   bytes.

    drm/0000:03:00.0/vram0 8514437120
    drm/0000:03:00.0/stolen max

One line a region, named by its driver (xe and amdgpu so far). dmem.capacity, at the root alone, has
the size of each.
"""

from __future__ import annotations

from agent.kernelfile import Limit, UnexpectedText, parse_count, parse_limit
from agent.records import NamedTuple


class Region(NamedTuple):
    """One region's number. `bytes` is `UNLIMITED` for a limit that is not set."""

    region: str
    bytes: Limit


def parse_dmem(text: str) -> tuple[Region, ...]:
    """Parse dmem.current, dmem.peak or dmem.capacity."""
    return tuple(Region(name, parse_count(value)) for name, value in _lines(text))


def parse_dmem_limits(text: str) -> tuple[Region, ...]:
    """Parse dmem.max."""
    return tuple(Region(name, parse_limit(value)) for name, value in _lines(text))


def _lines(text: str) -> list[tuple[str, str]]:
    lines = []
    for line in text.split("\n"):
        if line.strip():
            name, space, value = line.strip().rpartition(" ")
            if not space:
                raise UnexpectedText(line)
            lines.append((name.strip(), value))
    return lines
