from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.doctor.running import MOST, Trouble, troubles

PAGE = r"""
# HELP agent_history_up Whether …
agent_history_up{reason="[Errno 28] No \"space\" left"} 0.0
agent_sweep_up{reason="off in the configuration"} 0.0
agent_api_up{source="kubelet"} 1.0
agent_source_failures_total{source="network"} 12.0
agent_source_failures_total{source="walk"} 0.0
agent_web_config_failures_total 2.0
agent_lifecycle_missed_total{what="start"} 1.0
agent_probe_shed{probe="tcp"} 0.0
agent_probe_shed{probe="sched"} 1.0
container_cpu_cfs_throttled_periods_total{id="/"} 7
not a line
agent_x_failures_total{a="b"} 1.2.3
"""


def test_what_is_wrong_is_told_with_its_labels() -> None:
    assert troubles(PAGE) == (
        Trouble("agent_history_up", (("reason", '[Errno 28] No "space" left'),), 0.0),
        Trouble("agent_source_failures_total", (("source", "network"),), 12.0),
        Trouble("agent_web_config_failures_total", (), 2.0),
        Trouble("agent_lifecycle_missed_total", (("what", "start"),), 1.0),
        Trouble("agent_probe_shed", (("probe", "sched"),), 1.0),
    )
    first, second, third, _, shed = troubles(PAGE)
    assert first.is_off
    assert shed.is_off
    assert not second.is_off
    assert str(second) == "agent_source_failures_total (source network)"
    assert str(third) == "agent_web_config_failures_total"


def test_there_is_an_end_to_them() -> None:
    page = "".join(f'agent_a_failures_total{{x="{n}"}} 1\n' for n in range(100))
    assert len(troubles(page)) == MOST


@given(st.text(alphabet='agent_up{}=" \\01.\n', max_size=80))
def test_no_page_is_too_much(page: str) -> None:
    troubles(f"agent_up{page}\n{page}")
