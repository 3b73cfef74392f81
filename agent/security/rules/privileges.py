"""Capabilities, user, seccomp, the security modules: what a process of the container may do."""

from __future__ import annotations

from agent.security.capabilities import DEFAULT, Capabilities, listed
from agent.security.check import (
    PASSED,
    UNREADABLE,
    Level,
    Verdict,
    failed,
    fails_if,
    not_applicable,
    unknown,
)
from agent.security.facts import Facts

_CONFINED_TYPES = frozenset(
    {"container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
"""What the Pod Security Standards allow as SELinux type."""


def privileged(facts: Facts) -> Verdict:
    """No flag says it: all capabilities, no seccomp filter and nothing of /proc masked do."""
    signs = (
        facts.has_all_capabilities,
        None if facts.seccomp is None else facts.seccomp == "off",
        None if facts.masked is None else not facts.masked,
        None if facts.spec is None else facts.spec.all_devices,
    )
    if False in signs:
        return PASSED
    if None in signs[:3]:
        return unknown(UNREADABLE)
    return failed("all capabilities, no seccomp filter, nothing of /proc masked")


def added(facts: Facts) -> Capabilities | None:
    """Capabilities beyond the 14 that a container has without asking."""
    return None if facts.bounding is None else facts.bounding - DEFAULT


def added_capabilities(facts: Facts) -> Verdict:
    more = added(facts)
    if more is None:
        return unknown(UNREADABLE)
    if not more:
        return PASSED
    if more & (facts.effective or frozenset()):
        return failed(f"{listed(more)}: in force")
    if facts.no_new_privileges:
        return failed(f"{listed(more)}: allowed, not in force, and no-new-privileges keeps it so")
    return failed(f"{listed(more)}: not in force; a setuid program gives them")


def net_raw(facts: Facts) -> Verdict:
    return fails_if(
        None if facts.bounding is None else "NET_RAW" in facts.bounding,
        "NET_RAW is in its bounding set",
    )


def capabilities_not_dropped(facts: Facts) -> Verdict:
    if facts.bounding is None:
        return unknown(UNREADABLE)
    kept = facts.bounding - {"NET_BIND_SERVICE"}
    return failed(listed(kept)) if kept else PASSED


def privilege_escalation(facts: Facts) -> Verdict:
    return fails_if(
        None if facts.no_new_privileges is None else not facts.no_new_privileges,
        "no-new-privileges is off",
    )


def root_user(facts: Facts) -> Verdict:
    if facts.uid is None:
        return unknown(UNREADABLE)
    if facts.uid:
        return PASSED
    credentials = facts.credentials
    if credentials is None:
        return failed("uid 0 is declared")
    outside = "uid 0 too" if credentials.uid == 0 else f"uid {credentials.uid}"
    return failed(f"uid 0; on the host it is {outside}")


def seccomp_disabled(facts: Facts) -> Verdict:
    declared = facts.spec.seccomp if facts.spec is not None else None
    if facts.seccomp is None:
        return unknown(UNREADABLE)
    # A kubelet leaves a pod that says nothing unconfined, which baseline allows; from here that
    # looks like one that asked for it.
    level: Level = "restricted" if facts.container.namespace else "baseline"
    if facts.seccomp == "off":
        return failed("no seccomp filter", level)
    if declared == "":
        return failed("none declared; the program set one up itself", level)
    return PASSED


def apparmor_unconfined(facts: Facts) -> Verdict:
    label = facts.label
    if label is None:
        return unknown("its label may not be read")
    if not label or _is_selinux(label):
        return not_applicable("AppArmor is not on")
    profile = label.partition(" ")
    return fails_if(
        profile[0] == "unconfined" or profile[2] == "(complain)", f"AppArmor says: {label}"
    )


def selinux_unconfined(facts: Facts) -> Verdict:
    label = facts.label
    if label is None:
        return unknown("its label may not be read")
    if not _is_selinux(label):
        return not_applicable("SELinux is not on")
    return fails_if(label.split(":")[2] not in _CONFINED_TYPES, f"SELinux type of {label}")


def unmasked_proc(facts: Facts) -> Verdict:
    return fails_if(
        None if facts.masked is None else not facts.masked, "nothing below /proc is masked"
    )


def _is_selinux(label: str) -> bool:
    return label.count(":") >= 3 or (label.count(":") == 2 and " " not in label)
