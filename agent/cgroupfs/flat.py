"""The kernel's flat keyed format, one "key number" a line: memory.stat, cgroup.events and others.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#format

Keys appear in any order, and new kernels put new ones in the middle: look up by key, not place.
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText


def parse_flat(text: str) -> dict[str, int]:
    """Parse every line; one that is not "key number" is refused and quoted."""
    values: dict[str, int] = {}
    for line in text.splitlines():
        key, separator, number = line.partition(" ")
        try:
            values[key] = int(number)
        except ValueError:
            raise UnexpectedText(line) from None
        if not separator or not key:
            raise UnexpectedText(line)
    return values
