from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.descendants import CgroupStat, parse_cgroup_stat
from agent.kernelfile import UnexpectedText
from tests.fixtures.host_trees import HYBRID, V2


def test_a_root_counts_the_cgroups_below_it_and_those_that_will_not_die() -> None:
    text = (V2 / "cgroup/unified/cgroup.stat").read_text()
    assert parse_cgroup_stat(text) == CgroupStat(nr_descendants=4, nr_dying_descendants=0)


def test_the_controllers_keys_of_newer_kernels_are_skipped() -> None:
    text = (HYBRID / "cgroup/unified/cgroup.stat").read_text()
    assert "nr_subsys_" in text
    assert parse_cgroup_stat(text).nr_dying_descendants is not None


@given(st.text() | st.text("nr_descendants 0123456789\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_cgroup_stat(text)
    except UnexpectedText:
        return
