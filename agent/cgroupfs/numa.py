"""memory.numa_stat: on which memory nodes the memory is.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
        https://docs.kernel.org/admin-guide/cgroup-v1/memory.html#numa-stat
Units   v2 writes bytes, v1 pages; the fields here are bytes.

    v2      anon N0=1638400 N1=0            with all descendants
    v1      anon=374 N0=374                 this cgroup alone
            hierarchical_anon=15616 N0=…    with all descendants

Only the three kinds both versions and cAdvisor have are taken: anon, file, unevictable.
"""

from __future__ import annotations

import resource
from typing import Final, Literal

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple

_KINDS: Final = ("anon", "file", "unevictable")
_HIERARCHICAL: Final = "hierarchical_"


class NodeMemory(NamedTuple):
    """One kind of memory on one node."""

    kind: str
    scope: Literal["container", "hierarchy"]
    """container: this cgroup alone. hierarchy: with all below it."""
    node: int
    bytes: int


def parse_numa_stat(text: str) -> tuple[NodeMemory, ...]:
    """Parse v2's memory.numa_stat. Other kinds are skipped."""
    found: list[NodeMemory] = []
    for line in text.splitlines():
        kind, *nodes = line.split() or [""]
        if kind in _KINDS:
            found += _nodes(kind, "hierarchy", nodes, 1)
    return tuple(found)


def parse_v1_numa_stat(text: str) -> tuple[NodeMemory, ...]:
    """Parse v1's memory.numa_stat."""
    page = resource.getpagesize()
    found: list[NodeMemory] = []
    for line in text.splitlines():
        total, *nodes = line.split() or [""]
        name = total.partition("=")[0]
        kind = name.removeprefix(_HIERARCHICAL)
        if kind in _KINDS:
            found += _nodes(kind, "container" if kind == name else "hierarchy", nodes, page)
    return tuple(found)


def _nodes(
    kind: str, scope: Literal["container", "hierarchy"], nodes: list[str], unit: int
) -> list[NodeMemory]:
    found = []
    for pair in nodes:
        node, equals, value = pair.partition("=")
        try:
            if not (equals and node.startswith("N")):
                raise ValueError
            found.append(NodeMemory(kind, scope, int(node[1:]), int(value) * unit))
        except ValueError:
            raise UnexpectedText(pair) from None
    return found
