"""What the demo reads of its containers' cgroups."""

from __future__ import annotations

import os

from agent.demo.cgroups import cgroup_directories, remove_empty, top_level


def test_our_own_cgroups_are_found_and_have_us_in_them() -> None:
    directories = cgroup_directories(os.getpid())
    assert directories
    for directory in directories:
        assert str(os.getpid()) in (directory / "cgroup.procs").read_text().split()


def test_a_cgroup_that_is_not_there_is_not_removed() -> None:
    before = top_level()
    remove_empty("agent-demo-not-there")
    assert top_level() == before
