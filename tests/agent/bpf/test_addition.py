from __future__ import annotations

import pytest

from agent.bpf.addition import add, add_up, subtract
from agent.bpf.page_cache_counts import PageCacheCounts
from agent.bpf.syscall_counts import ClassCounts, SyscallCounts

ONE = PageCacheCounts(1, 2, 3, 4)


def test_each_field_of_a_record_is_added() -> None:
    assert add_up([ONE, ONE], PageCacheCounts(0, 0, 0, 0)) == PageCacheCounts(2, 4, 6, 8)
    assert add_up([], ONE) == ONE


def test_what_is_not_counted_in_one_is_not_known_of_both() -> None:
    unknown = PageCacheCounts(None, None, 3, 4)
    assert add(ONE, unknown) == PageCacheCounts(None, None, 6, 8)
    assert subtract(ONE, unknown) == PageCacheCounts(None, None, 0, 0)


def test_of_mappings_each_key_is_added() -> None:
    one = SyscallCounts({"io": ClassCounts(1, 1)})
    other = SyscallCounts({"io": ClassCounts(2, 0), "file": ClassCounts(5, 0)})
    both = SyscallCounts({"io": ClassCounts(3, 1), "file": ClassCounts(5, 0)})
    assert add(one, other) == both
    assert subtract(both, one) == other
    assert subtract(one, both) == SyscallCounts({"io": ClassCounts(-2, 0)})


def test_sequences_are_added_place_by_place() -> None:
    assert add((1, 2), (3, 4)) == (4, 6)
    with pytest.raises(ValueError, match="longer"):
        add((1,), (3, 4))


def test_text_has_no_sum() -> None:
    with pytest.raises(TypeError, match="str"):
        add("a", "b")
