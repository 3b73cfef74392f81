from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.numa import NodeMemory, parse_numa_stat, parse_v1_numa_stat
from agent.kernelfile import UnexpectedText

PAGE = resource.getpagesize()

# Linux 6.18, a v1 hierarchy.
V1 = """\
total=4572 N0=4572
file=66 N0=66
anon=374 N0=374
unevictable=4132 N0=4132
hierarchical_total=346428 N0=346428
hierarchical_file=326680 N0=326680
hierarchical_anon=15616 N0=15616
hierarchical_unevictable=4132 N0=4132
"""


def test_other_kinds_of_memory_are_skipped() -> None:
    # Linux 6.12, some of its lines.
    text = (
        "anon N0=233472\nfile N0=2486272\nkernel_stack N0=16384\npagetables N0=61440\n"
        "inactive_anon N0=0\nunevictable N0=0\nslab_reclaimable N0=26160\npgdemote_kswapd N0=0\n"
    )
    assert parse_numa_stat(text) == (
        NodeMemory("anon", "hierarchy", 0, 233472),
        NodeMemory("file", "hierarchy", 0, 2486272),
        NodeMemory("unevictable", "hierarchy", 0, 0),
    )


def test_v2_writes_bytes_of_the_whole_subtree() -> None:
    # By Documentation/admin-guide/cgroup-v2.rst: "type N0=<bytes in node 0> N1=<…>".
    text = "anon N0=1638400 N1=4096\nfile N0=0 N1=8192\nkernel_stack N0=16384 N1=0\n"
    assert parse_numa_stat(text) == (
        NodeMemory("anon", "hierarchy", 0, 1638400),
        NodeMemory("anon", "hierarchy", 1, 4096),
        NodeMemory("file", "hierarchy", 0, 0),
        NodeMemory("file", "hierarchy", 1, 8192),
    )


def test_v1_writes_pages_of_the_cgroup_and_of_its_subtree() -> None:
    assert parse_v1_numa_stat(V1) == (
        NodeMemory("file", "container", 0, 66 * PAGE),
        NodeMemory("anon", "container", 0, 374 * PAGE),
        NodeMemory("unevictable", "container", 0, 4132 * PAGE),
        NodeMemory("file", "hierarchy", 0, 326680 * PAGE),
        NodeMemory("anon", "hierarchy", 0, 15616 * PAGE),
        NodeMemory("unevictable", "hierarchy", 0, 4132 * PAGE),
    )


def test_a_damaged_node_is_refused_and_quoted() -> None:
    with pytest.raises(UnexpectedText, match="N0=x"):
        parse_numa_stat("anon N0=x\n")


@given(st.text() | st.text("anonfileN0123= \n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_numa_stat, parse_v1_numa_stat):
        try:
            parse(text)
        except UnexpectedText:
            continue
