"""What does not work, in words."""

from __future__ import annotations

from agent.bpf.rounds import Cost
from agent.bpf.running import OFF
from agent.lacks import of_probes
from agent.telemetry import Telemetry

RIGHTS = "this process lacks CAP_BPF"


def test_probes_that_do_not_count_for_one_reason_are_one_line() -> None:
    rows = [
        ("tcp", "connections", "", RIGHTS),
        ("tcp", "resets", "", RIGHTS),
        ("sched", "sched", "", RIGHTS),
        ("dns", "dns", "", OFF),
    ]
    assert list(of_probes(rows, {})) == [f"probes tcp, sched do not count: {RIGHTS}"]


def test_of_a_probe_that_counts_the_missing_feature_is_named() -> None:
    rows = [("tcp", "connections", "libbpf", ""), ("tcp", "resets", "libbpf", "no tracepoint")]
    assert list(of_probes(rows, {})) == ["probe tcp (resets) does not count: no tracepoint"]


def test_a_probe_that_the_governor_stopped_is_told() -> None:
    rows = [("tcp", "connections", "libbpf", ""), ("sched", "sched", "libbpf", "")]
    costs = {"sched": Cost(stopped=True, stops=1), "tcp": Cost(stops=1)}
    assert list(of_probes(rows, costs)) == [
        "probe sched is stopped: together they cost more than probes.budget"
    ]
    costs["tcp"] = costs["sched"]
    assert list(of_probes(rows, costs)) == [
        "probes sched, tcp are stopped: together they cost more than probes.budget"
    ]


def test_what_is_off_or_works_lacks_nothing() -> None:
    rows = [("tcp", "connections", "libbpf", ""), ("dns", "dns", "", OFF)]
    assert list(of_probes(rows, {"tcp": Cost()})) == []


def test_telemetry_asks_each_part_now() -> None:
    telemetry = Telemetry()
    lacks: list[str] = []
    telemetry.watch(lambda: lacks)
    telemetry.watch(lambda: ["b"])
    assert telemetry.lacking() == ("b",)
    lacks.append("a")
    assert telemetry.lacking() == ("a", "b")
