"""Every probe there is. A new one is added here and nowhere else: docs/probes.md."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any, Final

from agent.bpf.block_io import BLOCK_IO
from agent.bpf.cgroups import CGROUPS
from agent.bpf.dns import DNS
from agent.bpf.faults import FAULTS
from agent.bpf.io_times import IO_TIMES
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.page_cache import PAGE_CACHE
from agent.bpf.probe import Kind
from agent.bpf.profile import PROFILE
from agent.bpf.reclaim import RECLAIM
from agent.bpf.rtt import RTT
from agent.bpf.sched import SCHED
from agent.bpf.syscalls import SYSCALL_TIMES, SYSCALLS
from agent.bpf.tcp import TCP
from agent.bpf.traffic import BYTES

KINDS: Final[tuple[Kind[Any], ...]] = (
    LIFECYCLE,
    CGROUPS,
    BLOCK_IO,
    RECLAIM,
    PROFILE,
    TCP,
    BYTES,
    DNS,
    SYSCALLS,
    SYSCALL_TIMES,
    SCHED,
    RTT,
    FAULTS,
    PAGE_CACHE,
    IO_TIMES,
)
"""In the order they are opened. Their counts are of as many types, hence Any; who asks a sample
for counts does it by type."""


class UnknownProbe(ValueError):
    """A probe's name that says nothing here."""


def select(on: Collection[str] = (), off: Collection[str] = ()) -> tuple[Kind[Any], ...]:
    """
    The probes of the default and those in `on`, without those in `off`. Raises UnknownProbe.

    What only `agent trace` runs is not known here.
    """
    kinds = [kind for kind in KINDS if not kind.on_demand]
    known = [kind.name for kind in kinds]
    for name in (*on, *off):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise UnknownProbe(f"unknown probe {name!r}; {hint}")
    if both := sorted(set(on) & set(off)):
        raise UnknownProbe(f"{both[0]!r} is on and off")
    return tuple(
        kind for kind in kinds if (kind.default or kind.name in on) and kind.name not in off
    )
