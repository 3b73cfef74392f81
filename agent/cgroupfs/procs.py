"""cgroup.procs: the processes directly in a cgroup, none of those below it.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#core-interface-files

    4217
    4242

The order is not defined, a pid may appear twice (it left, came back, or was used again while the
file was read), and a process outside the reader's pid namespace is written as 0.
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText


def parse_procs(text: str) -> tuple[int, ...]:
    """Return each pid once, without the 0 of processes that have none here."""
    try:
        pids = dict.fromkeys(map(int, text.split()))
    except ValueError:
        raise UnexpectedText(text) from None
    pids.pop(0, None)
    return tuple(pids)
