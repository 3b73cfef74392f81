"""A scenario for every rule, and as many in which it must say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Requests
from agent.diagnosis.diagnose import diagnose
from agent.diagnosis.finding import Confidence, Severity
from agent.diagnosis.scene import scene_of
from agent.filesystem.usage import FilesystemUsage, Layer, Space, Volume
from agent.lifecycle.events import Health
from agent.lifecycle.totals import Lifetimes
from agent.model import Sample, Snapshot
from agent.netstack import NetworkStack
from agent.processes import ProcessCounts
from agent.procfs.snmp import TcpCounters, TcpExt
from tests.agent.diagnosis.scenes import found, look, rules
from tests.agent.snapshots import MIB, WALL, docker, interface, lifetimes, reading

SECOND = 1_000_000
TWO_CORES = CpuMax(200_000, 100_000)


def throttled(tick: int, share: float = 0.64) -> CgroupReading:
    return reading(
        usage_usec=round(tick * 1.95 * SECOND),
        periods=tick * 10,
        throttled=round(tick * 10 * share),
        throttled_usec=round(tick * share * SECOND),
        cpu_max=TWO_CORES,
        # Its own tasks wait for the quota: the pressure that is no sign of a busy host.
        stalls=(round(tick * 0.58 * SECOND), 0, 0),
    )


def waiting(tick: int, share: float = 0.7, cores: float = 0.3) -> CgroupReading:
    return reading(
        usage_usec=round(tick * cores * SECOND), stalls=(round(tick * share * SECOND), 0, 0)
    )


def hungry(tick: int, cores: float = 3.6) -> CgroupReading:
    return reading(usage_usec=round(tick * cores * SECOND))


def idle(_tick: int = 0) -> CgroupReading:
    return reading(usage_usec=5000)


TICKS = range(11)


def test_throttling_is_found_and_is_not_taken_for_a_busy_host() -> None:
    (finding,) = found(look({"api": [throttled(t) for t in TICKS]}))["api"].values()
    assert finding.rule == "cpu_throttled"
    assert finding.severity is Severity.CRITICAL
    assert finding.confidence is Confidence.HIGH
    assert finding.summary == "throttled 64% of periods"
    assert [evidence.says for evidence in finding.evidence] == [
        "64% of CFS periods throttled, 0.64 s of CPU time withheld a second",
        "used 1.95 of 2.00 cores = 98% of the limit",
        "the host has 2.80 idle cores: not a busy host",
    ]


@pytest.mark.parametrize(
    ("share", "said"), [(0.04, []), (0.06, ["cpu_throttled"]), (0.3, ["cpu_throttled"])]
)
def test_a_few_throttled_periods_are_normal(share: float, said: list[str]) -> None:
    seen = rules(look({"api": [throttled(t, share) for t in TICKS]}))
    assert seen.get("api", []) == said


def test_a_throttled_pod_is_found_at_the_container_that_feels_it() -> None:
    pod = "/kubepods/pod1"
    seen = found(
        look(
            {"api": [waiting(t, 0.5) for t in TICKS], "sidecar": [idle(t) for t in TICKS]},
            above={pod: [throttled(t) for t in TICKS]},
            paths={"api": f"{pod}/api", "sidecar": f"{pod}/sidecar"},
        )
    )
    finding = seen["api"]["cpu_throttled"]
    assert finding.summary == "throttled 64% of periods by its pod"
    assert finding.confidence is Confidence.MEDIUM
    assert not seen["sidecar"]


def test_a_starved_container_names_who_has_the_cpu_and_the_hog_is_found_too() -> None:
    seen = found(
        look({"web": [waiting(t) for t in TICKS], "batch": [hungry(t) for t in TICKS]}, busy=0.99)
    )
    assert list(seen["web"]) == ["cpu_starved"]
    assert seen["web"]["cpu_starved"].summary == "waits for CPU 70% of the time, batch has it"
    assert list(seen["batch"]) == ["cpu_hog"]
    assert "web" in seen["batch"]["cpu_hog"].evidence[-1].says


def test_what_runs_in_no_container_is_not_laid_on_the_busiest_of_them() -> None:
    quiet = [hungry(t, 0.2) for t in TICKS]
    seen = found(look({"web": [waiting(t) for t in TICKS], "batch": quiet}, busy=0.99))
    finding = seen["web"]["cpu_starved"]
    assert finding.summary == "waits for CPU 70% of the time, processes in no container have it"
    assert not any("batch" in text for text in (*finding.advice, *map(str, finding.evidence)))
    assert finding.advice[0].startswith("see which they are (ps ")


def asking(cores: float | None) -> dict[str, Container]:
    requests = Requests(cpu=cores) if cores is not None else None
    return {"batch": replace(docker("batch"), requests=requests)}


@pytest.mark.parametrize(
    ("asked", "busy", "waited", "severity"),
    [
        (0.5, 0.99, 0.0, Severity.NOTICE),
        (0.5, 0.99, 0.5, Severity.WARNING),
        (0.5, 0.60, 0.0, None),
        (3.5, 0.99, 0.0, None),
        (None, 0.99, 0.0, None),
    ],
)
def test_more_than_it_requests_counts_on_a_busy_host_alone(
    asked: float | None, busy: float, waited: float, severity: Severity | None
) -> None:
    seconds = [
        reading(usage_usec=round(t * 1.5 * SECOND), stalls=(round(t * waited * SECOND), 0, 0))
        for t in TICKS
    ]
    seen = found(look({"batch": seconds}, busy=busy, containers=asking(asked)))["batch"]
    finding = seen.get("cpu_over_request")
    assert (None if finding is None else finding.severity) == severity
    if finding is not None:
        assert finding.summary == "uses 1.50 cores, requests 0.50"


def test_a_wait_that_nobody_tells_is_not_told_as_0() -> None:
    blind = [replace(hungry(t, 1.5), cpu_pressure=None) for t in TICKS]
    seen = found(look({"batch": blind}, busy=0.99, containers=asking(0.5)))["batch"]
    assert not any("waited" in fact.says for fact in seen["cpu_over_request"].evidence)


def test_waiting_on_a_host_with_idle_cpus_is_not_starvation() -> None:
    assert not rules(look({"web": [waiting(t) for t in TICKS]}, busy=0.4))


def test_a_container_pinned_to_one_cpu_is_told_so() -> None:
    pinned = [replace(waiting(t, cores=1.0), cpuset_cpus=1) for t in TICKS]
    finding = found(look({"web": pinned}, busy=0.4))["web"]["cpu_starved"]
    assert "it may use 1 of 4 CPUs" in [evidence.says for evidence in finding.evidence]


def test_of_one_cpu_two_containers_share_each_has_half_and_waits_for_the_other() -> None:
    half = [replace(waiting(t, 0.5, cores=0.5), cpuset_cpus=1) for t in TICKS]
    assert rules(look({"web": half, "batch": half}, busy=0.4)) == {
        "web": ["cpu_starved"],
        "batch": ["cpu_starved"],
    }
    bursts = [replace(waiting(t, 0.3, cores=0.3), cpuset_cpus=1) for t in TICKS]
    assert not rules(look({"web": bursts}, busy=0.4))


def test_much_cpu_on_a_host_where_nobody_waits_is_no_finding() -> None:
    assert not rules(look({"batch": [hungry(t) for t in TICKS]}, busy=0.99))


def memory(
    used: int, *, cache: int = 0, limit: int = 100, tick: int = 0, **more: int
) -> CgroupReading:
    stat = MemoryStat(
        anon=(used - cache) * MIB,
        file=cache * MIB,
        inactive_file=0,
        workingset_refault_file=tick * more.get("refaults", 0),
        pgmajfault=tick * more.get("faults", 0),
    )
    stalled = more.get("stalled", 0) * tick * SECOND // 100
    return replace(
        reading(
            memory=used * MIB,
            memory_max=limit * MIB,
            stalls=(0, stalled, 0),
            oom_kill=more.get("kills", 0),
        ),
        memory_stat=stat,
        memory_peak=more.get("peak", used) * MIB,
    )


def test_an_oom_kill_says_whose_limit() -> None:
    own = [memory(60, tick=t, kills=t // 4, peak=100) for t in TICKS]
    finding = found(look({"search": own}))["search"]["oom_killed"]
    assert finding.summary == "OOM-killed 2 times"
    assert finding.severity is Severity.CRITICAL
    assert "its own limit of 100M was hit" in [e.says for e in finding.evidence]


def test_an_oom_kill_by_the_pods_limit_or_the_hosts() -> None:
    member = [memory(60, tick=t, kills=t // 9, limit=1000) for t in TICKS]
    pod = [memory(200, limit=200) for _ in TICKS]
    seen = found(look({"a": member}, above={"/pod": pod}, paths={"a": "/pod/a"}))
    assert "the limit of /pod of 200M was hit" in [e.says for e in seen["a"]["oom_killed"].evidence]
    seen = found(look({"a": member}))
    assert seen["a"]["oom_killed"].confidence is Confidence.MEDIUM
    assert "the host itself ran out" in seen["a"]["oom_killed"].evidence[1].says


def test_old_oom_kills_are_not_told_again() -> None:
    assert not rules(look({"a": [memory(50, kills=7) for _ in TICKS]}))


def test_near_the_limit_with_nothing_to_drop_is_a_risk() -> None:
    finding = found(look({"a": [memory(93) for _ in TICKS]}))["a"]["oom_risk"]
    assert finding.severity is Severity.WARNING
    assert finding.summary == "93% of memory limit"


def test_near_the_limit_with_cache_is_none() -> None:
    assert not rules(look({"a": [memory(99, cache=60) for _ in TICKS]}))


def test_growth_says_when_it_will_be_full() -> None:
    growing = [memory(55 + 2 * t) for t in TICKS]
    finding = found(look({"a": growing}))["a"]["oom_risk"]
    assert finding.severity is Severity.CRITICAL
    assert finding.summary == "75% of memory limit, full in 12s"


def test_noise_is_not_growth() -> None:
    noisy = [memory(60 + (7 * t) % 5) for t in TICKS]
    assert not rules(look({"a": noisy}))


def test_thrashing_says_the_limit_is_too_small() -> None:
    busy = [memory(95, cache=60, tick=t, stalled=40, refaults=900, faults=300) for t in TICKS]
    finding = found(look({"a": busy}))["a"]["mem_thrash"]
    assert finding.severity is Severity.CRITICAL
    assert finding.confidence is Confidence.HIGH
    assert "900 pages a second were dropped and needed again" in [e.says for e in finding.evidence]


def test_waiting_for_io_names_the_louder_one() -> None:
    stalled = [reading(stalls=(0, 0, t * SECOND // 2)) for t in TICKS]
    writer = [reading(disk=(IoStat(8, 0, 0, t * 50 * MIB, 0, t),)) for t in TICKS]
    finding = found(look({"db": stalled, "backup": writer}))["db"]["io_stall"]
    assert finding.summary == "waits for I/O 50% of the time, backup is louder"
    assert "backup 50MB/s" in finding.evidence[-1].says


def test_who_does_most_of_the_io_is_named_and_nothing_is_wrong_with_it() -> None:
    writer = [reading(disk=(IoStat(8, 0, None, t * 50 * MIB, 0, t),)) for t in TICKS]
    reader = [reading(disk=(IoStat(8, 0, t * 30 * MIB, 0, t, 0),)) for t in TICKS]
    seen = found(look({"backup": writer, "web": reader}))
    finding = seen["backup"]["io_heavy"]
    assert finding.severity is Severity.NOTICE
    assert finding.summary == "writes 50MB/s"
    # What it reads is not told here, and so not told as 0.
    assert finding.evidence[0].says == "writes 50MB/s: 62% of what all containers do"
    assert not seen["web"]
    alone = [reading(disk=(IoStat(8, 0, 0, t * MIB // 2, 0, t),)) for t in TICKS]
    assert not rules(look({"a": alone}))


def with_(snapshots: list[Snapshot], first: Sample, last: Sample) -> list[Snapshot]:
    """The first and the last Snapshot with these samples."""
    return [
        replace(snapshots[0], samples=(first,)),
        replace(snapshots[-1], samples=(last,)),
    ]


def two(**fields: object) -> list[Snapshot]:
    """Ten seconds of one quiet container: nothing at the first look, `fields` at the last."""
    snapshots = look({"a": [idle(t) for t in TICKS]})
    first, last = snapshots[0].samples[0], snapshots[-1].samples[0]
    return with_(snapshots, first, replace(last, **fields))  # type: ignore[arg-type]


def test_dropped_packets_retransmissions_and_a_full_accept_queue() -> None:
    snapshots = look({"a": [idle(t) for t in TICKS]})
    first, last = snapshots[0].samples[0], snapshots[-1].samples[0]
    before = NetworkStack(tcp=TcpCounters(out_segs=0, retrans_segs=0), tcp_ext=TcpExt(0))
    after = NetworkStack(tcp=TcpCounters(out_segs=950, retrans_segs=50), tcp_ext=TcpExt(3))
    eth0 = interface()
    finding = found(
        with_(
            snapshots,
            replace(first, network=(eth0,), network_stack=before),
            replace(
                last,
                network=(eth0._replace(receive_packets=1000, receive_drops=40),),
                network_stack=after,
            ),
        )
    )["a"]["net_drops"]
    assert [evidence.says for evidence in finding.evidence] == [
        "eth0: 40 of 1000 packets dropped or damaged",
        "50 of 1000 TCP segments were sent again",
        "3 connections found the accept queue full",
    ]


def test_a_few_drops_and_a_few_retransmissions_are_normal() -> None:
    eth0 = interface()._replace(receive_packets=100_000, receive_drops=20)
    stack = NetworkStack(tcp=TcpCounters(out_segs=5000, retrans_segs=5), tcp_ext=TcpExt(0))
    assert not rules(two(network=(eth0,), network_stack=stack))


def test_forks_that_fail_and_a_limit_that_is_near() -> None:
    full = [replace(reading(pids=50, pids_max=50), pids_events_max=t) for t in TICKS]
    finding = found(look({"a": full}))["a"]["pids_limit"]
    assert finding.severity is Severity.CRITICAL
    assert finding.summary == "10 forks failed on the pids limit"
    near = [reading(pids=46, pids_max=50) for _ in TICKS]
    assert found(look({"a": near}))["a"]["pids_limit"].severity is Severity.WARNING
    assert not rules(look({"a": [reading(pids=40, pids_max=50) for _ in TICKS]}))


def test_open_files_near_their_limit() -> None:
    near = ProcessCounts(processes=1, file_descriptors=1000, max_open_files=1024)
    assert rules(two(processes=near)) == {"a": ["fd_limit"]}
    # Of several processes the sum says nothing: each has a limit of its own.
    assert not rules(two(processes=near._replace(processes=4)))


def test_without_a_process_there_are_no_open_files_to_look_at() -> None:
    (verdict,) = diagnose(scene_of(two(processes=ProcessCounts(0, 0)))).verdicts
    assert "fd_limit" not in {check.rule for check in verdict.blind}
    (verdict,) = diagnose(scene_of(two(processes=ProcessCounts(3)))).verdicts
    assert "fd_limit" in {check.rule for check in verdict.blind}


def lives(snapshots: list[Snapshot], code: int, restarts: int) -> list[Snapshot]:
    return [
        replace(snapshots[0], lifetimes=lifetimes(restarts=4, code=code)),
        replace(snapshots[-1], lifetimes=lifetimes(restarts=4 + restarts, code=code)),
    ]


def test_a_crash_loop_says_the_exit_code_also_while_it_is_down() -> None:
    finding = found(lives(two(), 3, 2))["a"]["crash_loop"]
    assert finding.summary == "restarted 2 times, exit 3"
    assert "last end: exit code 3 (Error) after 2s" in [e.says for e in finding.evidence]
    assert finding.advice[-1] == "see its last lines: agent logs a"
    down = [replace(snapshot, samples=()) for snapshot in lives(two(), 137, 3)]
    finding = found(down)["a"]["crash_loop"]
    assert "exit code 137, SIGKILL (Error)" in finding.evidence[1].says
    assert finding.advice[0].startswith("SIGKILL")


def test_of_a_young_one_all_its_restarts_are_told_and_which_were_just_now() -> None:
    young = replace(docker("a", started=WALL - 5), attempt=7)
    host = look({"a": [idle(t) for t in TICKS]}, containers={"a": young})
    finding = found(lives(host, 3, 1))["a"]["crash_loop"]
    assert finding.summary == "restarted 7 times, exit 3"
    assert finding.evidence[0].says == f"7 restarts so far, 1 in {TICKS[-1]}s"


def test_one_restart_is_a_deployment() -> None:
    assert not rules(lives(two(), 143, 1))


def test_an_unhealthy_container() -> None:
    snapshots = two()
    inode = snapshots[0].samples[0].cgroup.inode
    lifetimes = Lifetimes(health={inode: Health.UNHEALTHY})
    assert rules([replace(s, lifetimes=lifetimes) for s in snapshots]) == {"a": ["health"]}


def space(free: int) -> Space:
    return Space(
        capacity=1000 * MIB, free=free * MIB, available=free * MIB, inodes=None, inodes_free=None
    )


def test_a_full_filesystem() -> None:
    data = Volume("data", "volume", "/data", None, None, space(20))
    layer = Layer("/dev/sda1", space(500), None, 0)
    finding = found(two(filesystem=FilesystemUsage(layer=layer, volumes=(data,))))["a"]["disk_full"]
    assert finding.summary == "/data is 98% full"
    roomy = FilesystemUsage(layer=layer, volumes=(data._replace(space=space(300)),))
    assert not rules(two(filesystem=roomy))


def logs(size: int) -> FilesystemUsage:
    return FilesystemUsage(layer=Layer("/dev/sda1", None, None, size * MIB))


def test_a_log_flood() -> None:
    snapshots = two()
    first = replace(snapshots[0].samples[0], filesystem=logs(1))
    last = replace(snapshots[1].samples[0], filesystem=logs(21))
    (finding,) = found(with_(snapshots, first, last))["a"].values()
    assert (finding.rule, finding.severity) == ("log_flood", Severity.WARNING)
    assert finding.summary == "logs 2.0MB/s"
    assert finding.evidence[0].says == "its log files grew by 20.0M in 10s: 169G a day"
    much = replace(snapshots[1].samples[0], filesystem=logs(2))
    (finding,) = found(with_(snapshots, first, much))["a"].values()
    assert finding.severity is Severity.NOTICE


def test_one_measurement_seen_twice_is_no_rate_and_no_clean_bill() -> None:
    snapshots = two()
    once = logs(1)
    assert once.layer is not None
    seen = replace(once, layer=once.layer._replace(looked_at=3.0))
    taken = [
        replace(s, samples=tuple(replace(x, filesystem=seen) for x in s.samples)) for s in snapshots
    ]
    (verdict,) = diagnose(scene_of(taken)).verdicts
    assert "log_flood" in [lack.rule for lack in verdict.blind]


def test_what_this_host_does_not_tell_is_said_and_is_no_finding() -> None:
    blind = [replace(idle(), io_pressure=None, denied=("cpu_stat",), cpu_stat=None) for _ in TICKS]
    diagnosis = diagnose(scene_of(look({"a": blind, "b": blind})))
    said = {(lack.rule, lack.reason): count for lack, count in diagnosis.blind}
    assert said["io_stall", "io_pressure_some is unsupported"] == 2
    assert said["cpu_throttled", "throttled_seconds_per_second is denied"] == 2
    assert all(not verdict.findings for verdict in diagnosis.verdicts)


def test_what_nobody_measured_is_no_clean_bill() -> None:
    diagnosis = diagnose(scene_of(look({"a": [idle(t) for t in TICKS]})))
    assert {lack.rule for lack, _ in diagnosis.blind} == {
        "crash_loop",
        "disk_full",
        "fd_limit",
        "log_flood",
    }


def test_a_rate_that_is_not_told_is_not_told_as_0() -> None:
    def stalled(tick: int) -> CgroupReading:
        disk = IoStat(8, 0, None, tick * MIB, None, tick)
        return reading(stalls=(0, 0, tick * SECOND // 2), disk=(disk,))

    finding = found(look({"db": [stalled(t) for t in TICKS]}))["db"]["io_stall"]
    assert "writes 1.0MB/s" in [evidence.says for evidence in finding.evidence]


def test_events_of_other_kinds_are_not_oom_kills() -> None:
    pressed = [
        replace(memory(80), memory_events=MemoryEvents(high=t, max=t, oom_kill=0)) for t in TICKS
    ]
    assert not rules(look({"a": pressed}))


def test_one_snapshot_alone_finds_what_needs_no_rate() -> None:
    assert rules(look({"a": [memory(96)]})) == {"a": ["oom_risk"]}
