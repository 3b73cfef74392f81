"""The window the daemon keeps, and the series made of it."""

from __future__ import annotations

from agent.diagnosis.recent import AGAIN, STEP, Active, Recent
from tests.agent.diagnosis.scenes import look
from tests.agent.diagnosis.test_rules import idle, throttled
from tests.agent.snapshots import pod


def test_nothing_is_said_before_the_first_snapshot() -> None:
    assert Recent().findings() == ()
    assert Recent().window() == ()


def test_a_finding_has_the_labels_of_the_other_series() -> None:
    recent = Recent()
    for snapshot in look(
        {"api": [throttled(t) for t in range(20)], "idle": [idle() for _ in range(20)]},
        containers={"api": pod("shop", "checkout", "api")},
    ):
        recent.add(snapshot)
    assert recent.findings() == (
        Active("shop", "checkout", "api", "", "cpu_throttled", "critical"),
    )


def test_a_finding_ends_with_its_cause() -> None:
    recent = Recent(seconds=10)
    bad = [throttled(t) for t in range(20)]
    for snapshot in look({"api": bad + [bad[-1]] * 20}):
        recent.add(snapshot)
    assert recent.findings() == ()


def test_the_window_is_as_long_as_asked_and_holds_few() -> None:
    recent = Recent(seconds=60)
    for snapshot in look({"api": [idle() for _ in range(300)]}):
        recent.add(snapshot)
    window = recent.window()
    assert len(window) <= 10
    assert window[-1].taken_at == 299.0
    assert 60 <= window[-1].taken_at - window[0].taken_at <= 60 + STEP


def test_findings_stand_for_some_seconds_and_are_then_made_anew() -> None:
    recent = Recent(seconds=10)
    throttling, after = [throttled(t) for t in range(20)], [throttled(19)] * 30
    ended_at = None
    for snapshot in look({"api": throttling + after}):
        recent.add(snapshot)
        if recent.findings() == () and snapshot.taken_at > 20:
            ended_at = ended_at or snapshot.taken_at
    assert ended_at is not None
    assert ended_at <= 19 + 10 + STEP + AGAIN
