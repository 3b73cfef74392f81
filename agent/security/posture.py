"""One container's posture: what every check said, and the summary of it. Pure.

Facts ─CHECKS─▶ Verdicts ─▶ Posture
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from agent.records import dataclass
from agent.security.capabilities import DEFAULT, Capabilities
from agent.security.check import Check, Level, Outcome, Verdict
from agent.security.facts import Facts
from agent.security.table import CHECKS

Profile = Literal["privileged", "baseline", "restricted"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that did not pass."""

    check: Check
    level: Level
    evidence: str
    """What was seen; why it is not known."""
    qualified: str = ""
    """What makes it weigh less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """What one look found. Text that is not known is ""."""

    failed: tuple[Finding, ...]
    """In the table's order."""
    unknown: tuple[Finding, ...]
    """Checks that could not be made."""
    profile: Profile
    """The strictest Pod Security Standards profile it is known to meet."""
    seccomp: str
    """off, strict, filter."""
    apparmor: str
    """AppArmor's profile or SELinux's label; "none" on a kernel without them."""
    user: str
    """uid inside the container."""
    user_namespace: str
    """host, own."""
    capabilities: Capabilities | None
    """The bounding set. None: not known."""
    added: Capabilities
    dropped: Capabilities


def evaluate(facts: Facts, ignore: Collection[str] = ()) -> Posture:
    """Make every check. Those whose id is in `ignore` count for the profile and are not told."""
    verdicts = [(check, check.rule(facts)) for check in CHECKS]
    told = [(check, verdict) for check, verdict in verdicts if check.id not in ignore]
    bounding = facts.bounding
    shared = facts.shares("user")
    return Posture(
        failed=_findings(told, Outcome.FAILED, facts),
        unknown=_findings(told, Outcome.UNKNOWN, facts),
        profile=_profile(verdicts),
        seccomp=facts.seccomp or "",
        apparmor="" if facts.label is None else facts.label or "none",
        user="" if facts.uid is None else str(facts.uid),
        user_namespace="" if shared is None else "host" if shared else "own",
        capabilities=bounding,
        added=frozenset() if bounding is None else bounding - DEFAULT,
        dropped=frozenset() if bounding is None else DEFAULT - bounding,
    )


def _findings(
    verdicts: Sequence[tuple[Check, Verdict]], outcome: Outcome, facts: Facts
) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            check,
            verdict.level or check.level,
            verdict.evidence,
            _qualified(check, facts) if outcome is Outcome.FAILED else "",
        )
        for check, verdict in verdicts
        if verdict.outcome is outcome
    )


_OF_THE_USER_NAMESPACE = frozenset(
    {
        *("privileged", "added_capabilities", "net_raw", "capabilities_not_dropped"),
        *("privilege_escalation", "root_user"),
    }
)
"""Checks of rights that end at the user namespace: root there is an ordinary user outside."""


def _qualified(check: Check, facts: Facts) -> str:
    if check.id not in _OF_THE_USER_NAMESPACE or facts.shares("user") is not False:
        return ""
    credentials = facts.credentials
    outside = "" if credentials is None else f"; outside it is uid {credentials.uid}"
    return f"only inside its own user namespace{outside}"


def _profile(verdicts: Sequence[tuple[Check, Verdict]]) -> Profile:
    not_passed = {
        verdict.level or check.level
        for check, verdict in verdicts
        if verdict.outcome in (Outcome.FAILED, Outcome.UNKNOWN)
    }
    if "baseline" in not_passed:
        return "privileged"
    return "baseline" if "restricted" in not_passed else "restricted"
