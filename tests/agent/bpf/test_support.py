"""Each refusal by itself: one thing taken away from a host where everything works."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.bpf.facts import CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, Bcc, Facts
from agent.bpf.lifecycle import PROGRAMS as LIFECYCLE
from agent.bpf.support import Decision, decide, refuse_loader

WORKS = Facts(
    kernel="6.12.0",
    btf=True,
    tracepoints=frozenset({"sched_process_exec", "sched_process_exit", "mark_victim"}),
    cgroup2=True,
    capabilities=1 << CAP_BPF | 1 << CAP_PERFMON,
    first_user_namespace=True,
    lockdown="none",
    libbpf="1.1",
    bcc=Bcc("/usr/lib/python3/dist-packages", "0.26.0"),
    bpftool="/usr/sbin/bpftool",
)


def refused(facts: Facts) -> dict[str, str]:
    return {
        loader: reason for loader in ("libbpf", "bcc") if (reason := refuse_loader(facts, loader))
    }


def test_where_nothing_is_missing_everything_may_be_tried() -> None:
    decisions = decide(WORKS, LIFECYCLE)
    assert [(each.loader, each.feature) for each in decisions] == [
        ("libbpf", "exec"),
        ("libbpf", "exit"),
        ("libbpf", "oom"),
        ("bcc", "exec"),
        ("bcc", "exit"),
        ("bcc", "oom"),
    ]
    assert all(each.allowed and each.reason == "" for each in decisions)


@pytest.mark.parametrize(
    ("held", "named"),
    [
        ({CAP_BPF}, "CAP_PERFMON"),
        ({CAP_PERFMON}, "CAP_BPF"),
        (set(), "CAP_BPF and CAP_PERFMON"),
        ({0, 12, 19, 22, 24}, "CAP_BPF and CAP_PERFMON"),
    ],
)
def test_a_missing_capability_is_named(held: set[int], named: str) -> None:
    facts = replace(WORKS, capabilities=sum(1 << bit for bit in held))
    reason = f"this process lacks {named} (or CAP_SYS_ADMIN)"
    assert refused(facts) == {"libbpf": reason, "bcc": reason}
    assert [each.reason for each in decide(facts, LIFECYCLE)] == [reason] * 6


def test_sys_admin_alone_is_enough() -> None:
    assert refused(replace(WORKS, capabilities=1 << CAP_SYS_ADMIN)) == {}


@pytest.mark.parametrize("limit", [0, 65536])
def test_too_little_locked_memory_is_told_before_anything_is_loaded(limit: int) -> None:
    facts = replace(WORKS, kernel="5.10.0", locked_memory=limit)
    assert set(refused(facts)) == {"libbpf", "bcc"}
    assert (
        f"kernel 5.10.0 counts BPF maps as locked memory, of which this process may have {limit}"
        in (refused(facts)["libbpf"])
    )
    rights = facts.capabilities | 1 << CAP_SYS_RESOURCE
    assert refused(replace(facts, capabilities=rights)) == {}
    assert refused(replace(facts, locked_memory=8 << 20)) == {}


def test_capabilities_of_a_user_namespace_count_for_nothing() -> None:
    facts = replace(WORKS, first_user_namespace=False, capabilities=(1 << 41) - 1)
    assert set(refused(facts)) == {"libbpf", "bcc"}
    assert "user namespace" in refused(facts)["libbpf"]


def test_a_kernel_without_btf_is_refused_and_named() -> None:
    reasons = refused(replace(WORKS, btf=False, tracepoints=frozenset()))
    assert set(reasons) == {"libbpf", "bcc"}
    assert "kernel 6.12.0" in reasons["libbpf"]
    assert "CONFIG_DEBUG_INFO_BTF" in reasons["libbpf"]


def test_without_a_cgroup2_hierarchy_containers_cannot_be_told_apart() -> None:
    reasons = refused(replace(WORKS, cgroup2=False))
    assert set(reasons) == {"libbpf", "bcc"}
    assert "cgroup2" in reasons["bcc"]


def test_lockdown_confidentiality_stops_bcc_alone() -> None:
    reasons = refused(replace(WORKS, lockdown="confidentiality"))
    assert set(reasons) == {"bcc"}
    assert "lockdown=confidentiality" in reasons["bcc"]


@pytest.mark.parametrize("lockdown", ["none", "integrity", None])
def test_a_weaker_or_unknown_lockdown_stops_nothing(lockdown: str | None) -> None:
    assert refused(replace(WORKS, lockdown=lockdown)) == {}


def test_a_missing_library_stops_its_own_loader_alone() -> None:
    assert set(refused(replace(WORKS, libbpf=None))) == {"libbpf"}
    assert "libbpf1" in refused(replace(WORKS, libbpf=None))["libbpf"]
    assert set(refused(replace(WORKS, bcc=None))) == {"bcc"}
    assert "python3-bpfcc" in refused(replace(WORKS, bcc=None))["bcc"]
    assert set(refused(replace(WORKS, bpftool=None))) == {"bcc"}
    assert "bpftool" in refused(replace(WORKS, bpftool=None))["bcc"]


@pytest.mark.parametrize(
    ("tracepoint", "feature"),
    [("sched_process_exec", "exec"), ("sched_process_exit", "exit"), ("mark_victim", "oom")],
)
def test_a_missing_tracepoint_stops_its_own_program_alone(tracepoint: str, feature: str) -> None:
    facts = replace(WORKS, tracepoints=WORKS.tracepoints - {tracepoint})
    off = [each for each in decide(facts, LIFECYCLE) if not each.allowed]
    reason = f"kernel 6.12.0 has no tracepoint {tracepoint}"
    assert off == [
        Decision("libbpf", f"on_{feature}", feature, reason),
        Decision("bcc", f"on_{feature}", feature, reason),
    ]
