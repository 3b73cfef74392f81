from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.credentials import (
    WHOLE_RANGE,
    Credentials,
    IdRange,
    inside_id,
    parse_credentials,
    parse_id_map,
)

CAPTURED = Path(__file__).parents[2] / "fixtures" / "runtimes" / "docker-process"


def test_a_captured_docker_process_has_the_default_capabilities_and_a_filter() -> None:
    found = parse_credentials((CAPTURED / "status").read_text())
    assert found == Credentials(
        uid=0,
        gid=0,
        pid_namespaces=2,
        effective=0xA80425FB,
        bounding=0xA80425FB,
        no_new_privileges=False,
        seccomp=2,
        seccomp_filters=1,
    )


def test_the_hosts_own_user_namespace_maps_everything_to_itself() -> None:
    assert parse_id_map((CAPTURED / "uid_map").read_text()) == (WHOLE_RANGE,)


def test_this_process_is_who_it_is() -> None:
    found = parse_credentials(Path("/proc/self/status").read_text())
    assert (found.uid, found.gid) == (os.geteuid(), os.getegid())


def test_the_effective_id_counts_not_the_real_one() -> None:
    text = "Uid:\t1000\t0\t0\t0\nGid:\t1000\t7\t7\t7\nCapEff:\t0\nCapBnd:\tff\n"
    assert parse_credentials(text)[:2] == (0, 7)


def test_an_older_kernel_says_nothing_of_no_new_privileges() -> None:
    text = "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nCapEff:\t0\nCapBnd:\t0\n"
    found = parse_credentials(text)
    assert found.no_new_privileges is found.seccomp is found.pid_namespaces is None


@pytest.mark.parametrize("text", ["", "Uid:\t1\n", "Uid:\tx\tx\nGid:\t1\t1\n", "CapEff:\tzz\n"])
def test_a_status_without_ids_or_capabilities_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_credentials(text)


@pytest.mark.parametrize("parse", [parse_credentials, parse_id_map])
@given(text=st.text())
def test_any_text_is_read_or_refused_with_a_quotation(
    parse: Callable[[str], object], text: str
) -> None:
    quoted = ""
    try:
        parse(text)
    except UnexpectedText as error:
        quoted = error.text
    assert quoted in text


def test_ids_are_mapped_back_into_the_namespace() -> None:
    ranges = parse_id_map("         0       1000          1\n         1     100000      65536\n")
    assert ranges == (IdRange(0, 1000, 1), IdRange(1, 100000, 65536))
    assert inside_id(1000, ranges) == 0
    assert inside_id(100998, ranges) == 999
    assert inside_id(0, ranges) is None


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(1, 2**16), st.integers(0))
def test_an_id_in_a_range_is_as_far_from_its_start_inside_as_outside(
    inside: int, outside: int, size: int, step: int
) -> None:
    step %= size
    assert inside_id(outside + step, (IdRange(inside, outside, size),)) == inside + step
