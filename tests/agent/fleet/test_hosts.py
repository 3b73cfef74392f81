"""Through a page and Prometheus and back: the same containers, the same findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import Cgroup
from agent.diagnosis.diagnose import diagnose
from agent.diagnosis.scene import scene_of
from agent.diagnosis.text import Style, diagnosis_text
from agent.fleet.diagnosis import diagnose_hosts
from agent.fleet.hosts import look
from agent.machine import Machine
from agent.model import Snapshot
from agent.usage import Unknown, Usage, host_usage, usages
from tests.agent.diagnosis.scenes import look as scene
from tests.agent.diagnosis.test_healthy import LIVES
from tests.agent.diagnosis.test_rules import hungry, idle, lives, logs, memory, throttled, waiting
from tests.agent.fleet.pages import Scraped, pages
from tests.agent.snapshots import MIB, pod, reading, sample

TICKS = range(11)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "pages"
FIELDS = (
    "cpu_cores",
    "cpu_limit_cores",
    "cpu_limit_ratio",
    "throttled_ratio",
    "throttled_seconds_per_second",
    "memory_working_set",
    "memory_limit",
    "cpu_pressure_some",
    "memory_pressure_some",
    "io_pressure_some",
    "pids",
    "oom_kills",
)


def with_root(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """As the daemon takes them: with the root cgroup and the machine."""
    whole = []
    for snapshot in snapshots:
        host = snapshot.host
        assert host.cpu is not None
        root = reading(usage_usec=host.cpu.user * 10_000, memory=1000 * MIB)
        whole.append(
            replace(
                snapshot,
                host=replace(host, machine=Machine()),
                samples=(
                    replace(sample(root, inode=1, path="/"), cgroup=Cgroup(1, "/", 0.0)),
                    *snapshot.samples,
                ),
            )
        )
    return whole


def through(snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    prometheus = Scraped({"a:9464": pages(with_root(snapshots))})
    return look(prometheus, [float(tick) for tick in range(len(snapshots))])["a:9464"]


def told(snapshots: Sequence[Snapshot]) -> dict[str, list[str]]:
    return {
        verdict.name: [finding.rule for finding in verdict.findings]
        for verdict in diagnose(scene_of(snapshots)).verdicts
        if verdict.findings
    }


SCENES = {
    "throttled": scene({"api": [throttled(t) for t in TICKS]}),
    "starved, and by whom": scene(
        {"web": [waiting(t) for t in TICKS], "batch": [hungry(t) for t in TICKS]}, busy=0.99
    ),
    "near its limit": scene({"db": [memory(96) for _ in TICKS]}),
    "killed": scene({"db": [reading(oom_kill=t, memory_max=100 * MIB) for t in TICKS]}),
    "waits for disks": scene(
        {"db": [reading(stalls=(0, 0, t * 500_000)) for t in TICKS]},
    ),
    "forks fail": scene(
        {"a": [replace(reading(pids=50, pids_max=50), pids_events_max=t) for t in TICKS]}
    ),
    "crash loop": lives(scene({"a": [idle(t) for t in TICKS]}), 3, 2),
    "log flood": [
        replace(s, samples=tuple(replace(x, filesystem=logs(1 + 20 * n)) for x in s.samples))
        for n, s in enumerate(scene({"a": [idle(t) for t in range(3)]}))
    ],
}


@pytest.mark.parametrize("name", SCENES)
def test_the_same_is_found_as_on_the_host_itself(name: str) -> None:
    expected = told(SCENES[name])
    assert expected
    assert told(through(SCENES[name])) == expected


@pytest.mark.parametrize("name", LIVES)
def test_of_the_healthy_nothing_is_found_either(name: str) -> None:
    assert told(through(LIVES[name])) == {}


def test_usages_are_the_same_and_what_has_no_limit_has_none() -> None:
    own = scene(
        {
            "api": [throttled(t) for t in TICKS],
            "free": [hungry(t, 0.5) for t in TICKS],
        }
    )

    def last(snapshots: Sequence[Snapshot]) -> dict[str, Usage]:
        found = usages(snapshots[0], snapshots[-1])
        return {usage.container.name: usage for usage in found if usage.container}

    here, there = last(own), last(through(own))
    assert here.keys() == there.keys()
    for name, usage in here.items():
        for field in FIELDS:
            assert getattr(there[name], field) == pytest.approx(getattr(usage, field)), field


def test_a_pods_containers_have_their_names_and_kinds() -> None:
    api = pod("shop", "checkout-7c9f", "api")
    (found,) = through(scene({"api": [idle(t) for t in range(2)]}, containers={"api": api}))[
        -1
    ].samples
    container = found.container
    assert container is not None
    assert container.title == "shop/checkout-7c9f/api"
    assert (container.kind, container.image) == (api.kind, api.image)


def test_a_neighbour_is_one_on_the_same_host_and_the_worst_host_comes_first() -> None:
    waits = scene({"web": [waiting(t) for t in TICKS]}, busy=0.99)
    hogs = scene({"batch": [hungry(t) for t in TICKS]}, busy=0.99)
    fine = scene({"idle": [idle(t) for t in TICKS]})
    prometheus = Scraped(
        {
            "fine:1": pages(with_root(fine)),
            "hogs:1": pages(with_root(hogs)),
            "waits:1": pages(with_root(waits)),
        }
    )
    found = diagnose_hosts(look(prometheus, [float(t) for t in TICKS]))
    assert [each.host for each in found] == ["waits:1", "fine:1", "hogs:1"]
    (finding,) = found[0].diagnosis.verdicts[0].findings
    assert finding.rule == "cpu_starved"
    assert not any("batch" in evidence.says for evidence in finding.evidence)


def test_the_matchers_are_in_every_question() -> None:
    prometheus = Scraped({"a": pages(with_root(SCENES["throttled"]))})
    look(prometheus, [0.0, 1.0], 'cluster="x"')
    assert len(prometheus.asked) == 4
    assert all('cluster="x"' in asked for asked in prometheus.asked)


def test_a_page_of_cadvisors_is_understood_and_what_it_lacks_cannot_be_checked() -> None:
    # Captured: v0.57 beside the demo's containers, with the labels Docker's have taken out.
    first, last = ((FIXTURES / f"cadvisor-{n}.txt").read_text() for n in (1, 2))
    (host,) = diagnose_hosts(look(Scraped({"node-1": [first, last]}), [0.0, 1.0]))
    verdicts = {verdict.name: verdict for verdict in host.diagnosis.verdicts}
    assert verdicts.keys() == {"throttled", "memory"}
    assert [finding.rule for finding in verdicts["memory"].findings] == ["oom_risk"]
    assert host.scene.host.cores == 2
    assert host.scene.host.cpu_ratio is not None
    assert {lack.rule for lack, _ in host.diagnosis.blind} >= {"crash_loop", "log_flood"}
    assert {lack.reason for lack, _ in host.diagnosis.blind} == {"Prometheus has no series for it"}


def test_a_start_that_no_page_tells_is_not_told_as_1970() -> None:
    own = scene({"a": [idle(t) for t in range(2)]})
    page = [
        "\n".join(line for line in text.splitlines() if "start_time" not in line) + "\n"
        for text in pages(with_root(own))
    ]
    taken = look(Scraped({"a": page}), [0.0, 1.0])["a"]
    (usage,) = [usage for usage in usages(taken[0], taken[1]) if usage.container]
    assert usage.started is None
    assert usage.unknown["started"] is Unknown.UNSUPPORTED
    assert host_usage(taken[0], taken[1]).uptime is None
    (verdict,) = diagnose(scene_of(taken)).verdicts
    text = diagnosis_text(diagnose(scene_of(taken)), scene_of(taken), Style(), one=True)
    assert verdict.name == "a"
    assert " up " not in text


def test_a_limit_of_zero_is_no_limit() -> None:
    free = replace(idle(), cpu_max=CpuMax(10_000, 100_000))
    (first, *_), *_ = [s.samples for s in through(scene({"a": [free, free]}))]
    assert first.reading.cpu_max == CpuMax(10_000, 100_000)
