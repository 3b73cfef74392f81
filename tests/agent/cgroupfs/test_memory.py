from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.memory import (
    MemoryEvents,
    MemoryStat,
    SwapEvents,
    parse_memory_events,
    parse_memory_stat,
    parse_swap_events,
)
from agent.kernelfile import UnexpectedText
from tests.fixtures.host_trees import V2, container_path

DIRECTORY = V2 / "cgroup/unified" / container_path(V2).strip("/")


def test_memory_stat_of_linux_6_1_has_every_field_we_use() -> None:
    assert parse_memory_stat((DIRECTORY / "memory.stat").read_text()) == MemoryStat(
        anon=1171456,
        file=13692928,
        kernel=176128,
        shmem=13631488,
        file_mapped=61440,
        file_dirty=0,
        file_writeback=0,
        inactive_anon=14794752,
        active_anon=8192,
        inactive_file=0,
        active_file=61440,
        unevictable=0,
        slab_reclaimable=42776,
        slab_unreclaimable=23592,
        sock=0,
        pgfault=2974,
        pgmajfault=267,
        pgscan=6219,
        pgsteal=4185,
        workingset_refault_anon=0,
        workingset_refault_file=3431,
        kernel_stack=16384,
        pagetables=49152,
        anon_thp=0,
        swapcached=0,
        zswap=None,
        zswapped=None,
        pgscan_kswapd=0,
        pgscan_direct=6219,
        pswpin=None,
        pswpout=None,
        workingset_activate_anon=0,
        workingset_activate_file=115,
        workingset_restore_anon=0,
        workingset_restore_file=115,
    )


def test_a_kernel_without_a_key_leaves_it_none_not_zero() -> None:
    lines = (DIRECTORY / "memory.stat").read_text().splitlines()
    older = "\n".join(line for line in lines if not line.startswith("kernel "))
    stat = parse_memory_stat(older)
    assert stat.kernel is None
    assert stat.slab_unreclaimable == 23592


def test_memory_events_are_counts_of_what_the_limit_did() -> None:
    assert parse_memory_events((DIRECTORY / "memory.events").read_text()) == MemoryEvents(
        low=0, high=1118, max=28, oom=1, oom_kill=1, oom_group_kill=0
    )


def test_memory_events_of_an_older_kernel_have_fewer_keys() -> None:
    assert parse_memory_events("low 0\nhigh 0\nmax 3\noom 0\n") == MemoryEvents(0, 0, 3, 0, None)


@given(st.text() | st.text("anoflekr_ 0123456789\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_memory_stat, parse_memory_events, parse_swap_events):
        try:
            parse(text)
        except UnexpectedText:
            continue


@given(st.integers(0))
def test_a_text_cut_anywhere_is_refused_or_lacks_only_its_end(cut: int) -> None:
    text = (DIRECTORY / "memory.stat").read_text()
    whole = parse_memory_stat(text)
    cut %= len(text)
    try:
        stat = parse_memory_stat(text[:cut])
    except UnexpectedText:
        return
    wrong = [
        key
        for key, value in stat._asdict().items()
        if value is not None and value != getattr(whole, key)
    ]
    # The number the cut went through may have lost digits; no other may differ.
    assert len(wrong) <= 1


def test_swap_events_are_read_by_key() -> None:
    # The keys are those of Linux 6.12; no captured host has swap to run out of.
    assert parse_swap_events("high 0\nmax 7\nfail 9\n") == SwapEvents(0, 7, 9)
    assert parse_swap_events("max 7\nfail 9\n") == SwapEvents(None, 7, 9)


def test_a_line_without_a_number_is_refused() -> None:
    with pytest.raises(UnexpectedText):
        parse_memory_stat("anon 1\nfile\n")
