"""rdma.current, rdma.max, misc.current, misc.max: resources that are counted in pieces.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#rdma-interface-files
        https://docs.kernel.org/admin-guide/cgroup-v2.html#miscellaneous-cgroup-interface-files
Units   counts: HCA handles and objects; for misc the host's own resources (sev, sev_es: ASIDs).

    rdma    mlx4_0 hca_handle=2 hca_object=2000
            ocrdma1 hca_handle=3 hca_object=max
    misc    sev 0
            sev_es max
"""

from __future__ import annotations

from agent.kernelfile import Limit, UnexpectedText, parse_limit
from agent.records import NamedTuple


class Resource(NamedTuple):
    """One countable resource. `device` is "" for the misc controller, which has none."""

    device: str
    resource: str
    quantity: Limit


def parse_rdma(text: str) -> tuple[Resource, ...]:
    """Parse rdma.current or rdma.max."""
    found = []
    for line in text.splitlines():
        device, *pairs = line.split() or [""]
        for pair in pairs:
            resource, equals, count = pair.partition("=")
            if not (resource and equals):
                raise UnexpectedText(line)
            found.append(Resource(device, resource, parse_limit(count)))
    return tuple(found)


def parse_misc(text: str) -> tuple[Resource, ...]:
    """Parse misc.current or misc.max."""
    found = []
    for line in text.splitlines():
        resource, _, count = line.strip().partition(" ")
        if resource:
            found.append(Resource("", resource, parse_limit(count)))
    return tuple(found)
