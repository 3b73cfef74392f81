"""Requests to block devices that were seen to be sent and not seen to end.

There are hosts whose kernel runs no BPF program while certain processes have the CPU
(docs/probes.md), so what is exact is the sum: requests that ended, those told as lost, and those
whose place nobody has used again, by which a lost one is noticed.
"""

from __future__ import annotations

import sys
from typing import Any

from agent.bpf import syscall
from agent.bpf.probe import Probe


def unended(probe: Probe[Any], cgroup: int) -> int:
    """Since the probe was loaded, with those of other cgroups that are told as lost."""
    size = syscall.map_info(probe.maps.fd("started")).value_size
    owners = (
        int.from_bytes(values[at : at + 8], sys.byteorder)
        for _, values in probe.maps.batches("started")
        for at in range(0, len(values), size)
    )
    return int(probe.read().dropped["ends"]) + sum(owner == cgroup for owner in owners)
