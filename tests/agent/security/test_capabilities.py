from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.security.capabilities import DEFAULT, NAMES, from_mask, from_names, listed


def test_dockers_default_mask_is_the_fourteen() -> None:
    assert from_mask(0xA80425FB) == DEFAULT
    assert len(DEFAULT) == 14


def test_every_capability_of_this_kernel_has_a_name() -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    assert last < len(NAMES)


@given(st.integers(0, 2**64 - 1))
def test_a_mask_has_as_many_names_as_bits(mask: int) -> None:
    assert len(from_mask(mask)) == mask.bit_count()


def test_one_newer_than_the_list_is_called_by_its_number() -> None:
    assert from_mask(1 << 50) == {"CAP_50"}


def test_names_of_a_spec_are_those_of_a_mask() -> None:
    assert from_names(["CAP_CHOWN", "cap_bpf"]) == {"CHOWN", "BPF"}


def test_a_long_list_says_how_many_are_left_out() -> None:
    assert listed(frozenset({"KILL", "BPF"})) == "BPF, KILL"
    assert listed(frozenset(NAMES)).endswith(f"and {len(NAMES) - 6} more")
