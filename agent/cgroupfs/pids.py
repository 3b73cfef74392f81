"""pids.events: how often a fork failed because pids.max was reached.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#pid-interface-files

    max 17

pids.current, pids.peak and pids.max are single values (`kernelfile.parse_count`, `parse_limit`).
They count tasks, that is threads, not processes.
"""

from __future__ import annotations

from agent.cgroupfs.flat import parse_flat
from agent.kernelfile import UnexpectedText


def parse_pids_events(text: str) -> int:
    """Return the `max` counter of pids.events."""
    try:
        return parse_flat(text)["max"]
    except KeyError:
        raise UnexpectedText(text) from None
