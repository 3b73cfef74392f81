"""Series about starts and ends → Lifetimes. Pure. Pages of cAdvisor and the kubelet have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agent.fleet.prometheus import Series
from agent.lifecycle.events import Exit, Health, Reason
from agent.lifecycle.totals import Identity, Lifetimes, Total
from agent.model import Sample

METRICS: Final = (
    "container_restarts_total",
    "container_last_exit_code",
    "container_last_exit_reason",
    "container_health_state",
)
_STARTING: Final = 300.0
"""Seconds: 0 says unhealthy or starting, and what is older than this does not start any more."""


def lifetimes_of(
    series: Sequence[Series], samples: Sequence[Sample], at: float
) -> Lifetimes | None:
    """Of one host at a moment in Unix seconds. None: its page does not say."""
    restarts: dict[Identity, int] = {}
    codes: dict[Identity, int] = {}
    reasons: dict[Identity, Reason] = {}
    health: dict[int, Health] = {}
    cgroups = {sample.cgroup.path: sample.cgroup for sample in samples}
    for one in series:
        identity = _identity(one.labels)
        match one.labels.get("__name__"):
            case "container_restarts_total":
                restarts[identity] = round(one.value)
            case "container_last_exit_code":
                codes[identity] = round(one.value)
            case "container_last_exit_reason":
                reasons[identity] = _reason(one.labels.get("reason", ""))
            case "container_health_state":
                cgroup = cgroups.get(one.labels.get("id", ""))
                if cgroup is not None and one.value == 1:
                    health[cgroup.inode] = Health.HEALTHY
                elif cgroup is not None and one.value == 0 and at - cgroup.created > _STARTING:
                    health[cgroup.inode] = Health.UNHEALTHY
    if not restarts:
        return None
    return Lifetimes(
        totals=tuple(
            Total(identity, restarts=count, last=_exit(identity, codes, reasons))
            for identity, count in sorted(restarts.items())
        ),
        health=health,
    )


def _identity(labels: Mapping[str, str]) -> Identity:
    pod = labels.get("pod", "")
    name = "" if pod else labels.get("name", "")
    return Identity(labels.get("namespace", ""), pod, labels.get("container", ""), name)


def _reason(text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        return Reason.UNKNOWN


def _exit(
    identity: Identity, codes: Mapping[Identity, int], reasons: Mapping[Identity, Reason]
) -> Exit | None:
    if identity not in codes and identity not in reasons:
        return None
    return Exit(
        code=codes.get(identity),
        signal=None,
        reason=reasons.get(identity, Reason.UNKNOWN),
        ran=None,
        counters=None,
        final=False,
    )
