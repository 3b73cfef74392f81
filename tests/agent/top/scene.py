"""One invented host with every kind of row, for the golden frames and the text tests."""

from __future__ import annotations

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Kind
from agent.diagnosis.diagnose import Diagnosis, Verdict
from agent.diagnosis.finding import (
    Confidence,
    Evidence,
    Finding,
    NotPossible,
    RuleId,
    Severity,
)
from agent.diagnosis.names import name_of
from agent.diagnosis.scene import scene_of
from agent.kernelfile import UNLIMITED
from agent.model import Sample, Snapshot, SourceHealth
from agent.procfs.stat import CpuTimes
from agent.top.frame import Frame, Judgement, OwnCost, make_frame
from agent.top.glyphs import Glyphs
from agent.top.open_panel import Panels
from agent.top.prompt import sort_choices
from agent.top.render import render
from agent.top.rows import rows_of
from agent.top.screen import Screen
from agent.top.tools import Tools
from agent.top.trend import trends_of
from agent.top.view import View
from tests.agent.snapshots import (
    MIB,
    WALL,
    docker,
    host,
    interface,
    pod,
    reading,
    sample,
    snapshot,
)

TWO_CORES = CpuMax(200_000, 100_000)
HEALTH = tuple(
    SourceHealth(source, seconds, 0)
    for source, seconds in (("walk", 0.001), ("cgroup", 0.004), ("identity", 0), ("network", 0.001))
)


def _samples(tick: int) -> tuple[Sample, ...]:
    """Everything at tick 0 or 1, a second apart."""
    at = 10.0 + tick
    sandbox = Container(runtime="containerd", id="5a" * 32, kind=Kind.SANDBOX, pod="checkout-7c9f")
    wide = Container(runtime="podman", id="ab" * 32, name="監視\x1b[31m", image="例え/画像:1")
    return (
        sample(CgroupReading(pids_current=400), inode=1, path="/", at=at),
        sample(
            reading(usage_usec=120_000 * tick), inode=2, path="/system.slice/ssh.service", at=at
        ),
        sample(
            reading(
                usage_usec=1_950_000 * tick,
                periods=10 * tick,
                throttled=6 * tick,
                throttled_usec=400_000 * tick,
                cpu_max=TWO_CORES,
                memory=701 * MIB,
                memory_max=1536 * MIB,
                stalls=(580_000 * tick, 0, 0),
                pids=71,
            ),
            inode=3,
            path="/kubepods/pod1/api",
            container=pod("shop", "checkout-7c9f", "api"),
            at=at,
        ),
        sample(
            reading(),
            inode=4,
            path="/kubepods/pod1/sandbox",
            container=sandbox,
            at=at,
            network=(interface("eth0", 1_258_291 * tick, 3_250_585 * tick),),
        ),
        sample(
            reading(
                usage_usec=610_000 * tick,
                periods=10 * tick,
                cpu_max=TWO_CORES,
                memory=4065 * MIB,
                memory_max=4096 * MIB,
                oom_kill=1 + tick,
                stalls=(10_000 * tick, 220_000 * tick, 90_000 * tick),
                disk=(IoStat(8, 0, rbytes=42_991_616 * tick, wbytes=2048 * tick),),
                pids=212,
            ),
            inode=5,
            path="/docker/search",
            container=docker("search", started=WALL - 250),
            at=at,
            network=(interface("eth0", 90_112 * tick, 62_464 * tick),),
        ),
        sample(
            reading(usage_usec=7_900_000 * tick, memory=2253 * MIB, memory_max=8192 * MIB, pids=17),
            inode=6,
            path="/docker/etl",
            container=docker("batch-etl-28841", image="registry.example/etl:2025-10"),
            at=at,
            network=(),
        ),
        sample(
            CgroupReading(
                cpu_stat=reading(usage_usec=10_000 * tick).cpu_stat,
                denied=("memory_current", "memory_max", "io_stat", "cpu_max"),
            ),
            inode=7,
            path="/user.slice/rootless",
            container=docker("rootless-db", image="postgres:17"),
            at=at,
            network_denied=True,
        ),
        sample(
            reading(frozen=True),
            inode=8,
            path="/machine.slice/wide",
            container=wide,
            at=at,
        ),
        sample(
            reading(populated=False, memory=0, memory_max=UNLIMITED, pids=0),
            inode=9 + tick,
            path="/docker/job",
            container=docker("job", started=None),
            at=at,
        ),
    )


def snapshots() -> tuple[Snapshot, Snapshot]:
    """Two ticks, one second apart."""
    busy = CpuTimes(1000, 0, 100, 500, 0, 0, 0, 0)
    return (
        snapshot(*_samples(0), at=10.0),
        snapshot(
            *_samples(1),
            at=11.0,
            machine=host(cpu=busy, stalls=(310_000, 20_000, 0)),
            health=HEALTH,
        ),
    )


def _finding(rule: RuleId, severity: Severity, summary: str, weight: float) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        confidence=Confidence.HIGH,
        summary=summary,
        evidence=(Evidence(f"{summary}, for the table", "cpu.stat nr_throttled, nr_periods"),),
        advice=("raise or drop the limit, or give it less to do",),
        weight=weight,
    )


FOUND = {
    "search": (
        _finding("oom_killed", Severity.CRITICAL, "OOM-killed 1 time", 1.0),
        _finding("oom_risk", Severity.CRITICAL, "99% of memory limit", 0.99),
        _finding("mem_thrash", Severity.WARNING, "waits for memory 22% of the time", 0.22),
    ),
    "shop/checkout-7c9f/api": (
        _finding("cpu_throttled", Severity.CRITICAL, "throttled 60% of periods", 0.6),
    ),
}
"""What is wrong in the scene, said here and not by the rules: a rule more is no other screen."""


def judged(before: Snapshot, after: Snapshot) -> Judgement:
    """The scene's diagnosis."""
    scene = scene_of((before, after))
    verdicts = tuple(
        Verdict(
            name=name_of(subject.container),
            subject=subject,
            gone=None,
            findings=FOUND.get(name_of(subject.container), ()),
            blind=(NotPossible("log_flood", "its log is not measured yet", "look longer"),),
            passed=13,
        )
        for subject in scene.subjects
    )
    by_inode = {
        verdict.subject.usage.cgroup.inode: verdict
        for verdict in verdicts
        if verdict.subject is not None
    }
    return Judgement(scene, Diagnosis(verdicts=verdicts, blind=()), by_inode)


def frame() -> Frame:
    before, after = snapshots()
    return make_frame(
        before,
        after,
        hostname="node-07",
        clock="14:03:22",
        delay=1.0,
        own=OwnCost(cpu_cores=0.004, memory=38 * MIB),
        judgement=judged(before, after),
        trends=trends_of((before, after)),
    )


def draw(seen: Frame | None, view: View, width: int, height: int, glyphs: Glyphs) -> Screen:
    rows = rows_of(seen, view) if seen else []
    chosen = next((row.item for row in rows if row.key == view.selected), None)
    return render(
        seen,
        rows,
        view,
        width,
        height,
        glyphs,
        panel=Panels(Tools(), glyphs, lambda: None).panel(view, chosen, seen, width),
        choices=sort_choices(view) if view.menu == "sort" else (),
    )


def as_text(screen: Screen) -> str:
    """The screen in a frame, and below it every span that is not plain."""
    lines = [f"{screen.width}x{screen.height}"]
    lines += ["|" + "".join(span.text for span in line) + "|" for line in screen.lines]
    lines.append("")
    for number, line in enumerate(screen.lines):
        for span in line:
            if span.style.name != "PLAIN" or span.selected:
                mark = " selected" if span.selected else ""
                lines.append(f"{number}: {span.style.name.lower()}{mark} {span.text.strip()!r}")
    return "\n".join(lines) + "\n"
