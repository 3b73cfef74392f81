"""The OOM killer's lines of the kernel's log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.procfs.kmsg import KernelLog, OomKill, parse_record

# Captured: Linux 6.18, a container with a limit of its own.
LIMIT = (
    b"6,1514,967294268,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=795315d9,"
    b"mems_allowed=0,oom_memcg=/docker/795315d9,task_memcg=/docker/795315d9,task=dd,pid=15862,"
    b"uid=0\n"
)


def test_a_victim_of_its_own_limit() -> None:
    assert parse_record(LIMIT) == OomKill(
        "dd", 15862, "/docker/795315d9", "/docker/795315d9", 967.294268
    )


def test_a_victim_of_its_pods_limit() -> None:
    record = LIMIT.replace(b"oom_memcg=/docker/795315d9", b"oom_memcg=/kubepods/pod1")
    assert parse_record(record) == OomKill(
        "dd", 15862, "/docker/795315d9", "/kubepods/pod1", 967.294268
    )


def test_a_victim_of_a_host_without_memory() -> None:
    # mm/oom_kill.c dump_oom_victim(): the word global_oom stands in oom_memcg's place.
    record = LIMIT.replace(b"CONSTRAINT_MEMCG", b"CONSTRAINT_NONE").replace(
        b"oom_memcg=/docker/795315d9", b"global_oom"
    )
    assert parse_record(record) == OomKill("dd", 15862, "/docker/795315d9", None, 967.294268)


def test_a_name_may_hold_anything_a_program_puts_there() -> None:
    record = LIMIT.replace(b"task=dd,", b"task=a,pid=1,b \\x09,")
    kill = parse_record(record)
    assert kill is not None
    assert (kill.name, kill.pid) == ("a,pid=1,b \\x09", 15862)


def test_what_a_program_wrote_into_the_log_in_its_place_is_still_one_line() -> None:
    assert parse_record(b"6,1,2,-;first\n oom-kill:constraint=CONSTRAINT_MEMCG\n") is None


@given(st.binary())
def test_no_bytes_break_it(record: bytes) -> None:
    parse_record(record)


@given(st.binary(max_size=40))
def test_no_name_breaks_it(name: bytes) -> None:
    parse_record(LIMIT.replace(b"task=dd", b"task=" + name))


def test_the_log_is_read_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(LIMIT)
    with KernelLog(str(path)) as log:
        assert log.oom_kills() == []
        with path.open("ab") as file:
            file.write(LIMIT)
        assert [kill.pid for kill in log.oom_kills()] == [15862]
        assert log.oom_kills() == []


def test_a_log_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KernelLog(str(tmp_path / "kmsg"))


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="the kernel's log cannot be read")
def test_the_real_one_has_an_end() -> None:
    with KernelLog() as log:
        assert isinstance(log.oom_kills(), list)
