"""Facts -> which programs may run through which loader, and if not, why. Pure.

A reason is a sentence an operator can act on. A yes is not a promise: the kernel has the last word
when the program is loaded, and its refusal is reported the same way.

Rights: CAP_BPF with CAP_PERFMON (Linux 5.8 and newer), or CAP_SYS_ADMIN. No other capability, no
root user, no bpffs and no tracefs is needed, but for packets: CAP_NET_ADMIN.
"""

from __future__ import annotations

from typing import Final

from agent.bpf.facts import (
    CAP_BPF,
    CAP_NET_ADMIN,
    CAP_PERFMON,
    CAP_SYS_ADMIN,
    CAP_SYS_RESOURCE,
    Facts,
)
from agent.bpf.probeset import IDLE, LOADERS, LoaderName, ProbeSet, Program
from agent.records import dataclass

_TOO_LITTLE: Final = 64 * 1024
"""Bytes of locked memory: what a process has by default, and no probe fits in."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether one program of a probe may be loaded by one loader."""

    loader: LoaderName
    program: str
    feature: str
    reason: str
    """Why not; "" where it may."""

    @property
    def allowed(self) -> bool:
        """May it be tried."""
        return not self.reason


def decide(facts: Facts, probe: ProbeSet) -> tuple[Decision, ...]:
    """One decision for each loader and program, loaders in the order they are tried."""
    return tuple(
        Decision(
            loader,
            program.name,
            program.feature,
            refuse_loader(facts, loader) or _refuse_program(facts, program, loader),
        )
        for loader in LOADERS
        for program in probe.programs
    )


def refuse_loader(facts: Facts, loader: LoaderName) -> str:
    """Why this loader can load nothing here, in words; "" where nothing speaks against it."""
    return (
        _refuse_host(facts)
        or refuse_rights(facts)
        or _refuse_memory(facts)
        or (_refuse_libbpf(facts) if loader == "libbpf" else _refuse_bcc(facts))
    )


def _refuse_host(facts: Facts) -> str:
    if not facts.btf:
        return (
            f"kernel {facts.kernel} does not offer its types in /sys/kernel/btf/vmlinux"
            " (CONFIG_DEBUG_INFO_BTF), and headers of another kernel would read wrong memory"
        )
    if not facts.cgroup2:
        return "no cgroup2 hierarchy is mounted, so the kernel cannot tell containers apart"
    return ""


def refuse_rights(facts: Facts) -> str:
    """Which right this process lacks to load any program, in words; "" where it lacks none."""
    if not facts.first_user_namespace:
        return "this process is in a user namespace of its own, where BPF is not allowed"
    if _has(facts, CAP_SYS_ADMIN):
        return ""
    missing = [
        name
        for name, bit in (("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON))
        if not _has(facts, bit)
    ]
    if missing:
        return f"this process lacks {' and '.join(missing)} (or CAP_SYS_ADMIN)"
    return ""


def _refuse_memory(facts: Facts) -> str:
    limit = facts.locked_memory
    # Both loaders raise the limit where they may.
    if limit is None or limit > _TOO_LITTLE or _has(facts, CAP_SYS_RESOURCE):
        return ""
    return (
        f"kernel {facts.kernel} counts BPF maps as locked memory, of which this process may have"
        f" {limit} bytes (LimitMEMLOCK=infinity in the unit, --ulimit memlock=-1)"
    )


def _refuse_libbpf(facts: Facts) -> str:
    if facts.libbpf is None:
        return "libbpf.so.1 is not installed (Debian: libbpf1)"
    return ""


def _refuse_bcc(facts: Facts) -> str:
    if facts.bcc is None:
        return "bcc is not installed (Debian: python3-bpfcc; PyPI's bcc is another package)"
    if facts.bpftool is None:
        return "bpftool is not installed, and bcc needs it to get this kernel's types"
    if facts.lockdown == "confidentiality":
        return "lockdown=confidentiality forbids bpf_probe_read_kernel, which bcc's programs need"
    return ""


def _refuse_program(facts: Facts, program: Program, loader: LoaderName) -> str:
    if program.tracepoint and program.tracepoint not in facts.tracepoints:
        return f"kernel {facts.kernel} has no tracepoint {program.tracepoint}"
    if missing := [name for name in program.kfuncs if name not in facts.kfuncs]:
        return f"kernel {facts.kernel} has no function {missing[0]} for BPF"
    if program.kind in ("cgroup_ingress", "cgroup_egress") and not (
        _has(facts, CAP_NET_ADMIN) or _has(facts, CAP_SYS_ADMIN)
    ):
        return "this process lacks CAP_NET_ADMIN (or CAP_SYS_ADMIN)"
    if program.kind in IDLE and loader == "bcc":
        return f"bcc has no programs of kind {program.kind}"
    return ""


def _has(facts: Facts, capability: int) -> bool:
    return bool(facts.capabilities >> capability & 1)
