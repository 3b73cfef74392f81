"""A check: a question about one container with its place in the benchmarks, and an answer to it.

Four answers, never mixed up: passed, failed, unknown (what it takes may not be read or was not
found) and not applicable (this kernel or this container does not have what is asked about).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, Literal, get_args

from agent.records import NamedTuple, dataclass
from agent.security.facts import Facts

Level = Literal["baseline", "restricted", "hardening"]
"""The strictest Pod Security Standards profile that a failing check denies, seen from below:
baseline (it is then "privileged"), restricted; hardening is in no profile."""
LEVELS: Final[tuple[Level, ...]] = get_args(Level)


class Outcome(enum.Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"


class Verdict(NamedTuple):
    """An answer."""

    outcome: Outcome
    evidence: str = ""
    """What was seen, or why it is not known."""
    level: Level | None = None
    """In place of the check's own."""


Rule = Callable[[Facts], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the table."""

    id: str
    title: str
    """What is wrong where it fails."""
    level: Level
    cis_docker: str
    """Number in the CIS Docker Benchmark 1.6; "" where it has none."""
    cis_kubernetes: str
    """Number in the CIS Kubernetes Benchmark 1.9."""
    pss: str
    """The control of the Pod Security Standards."""
    advice: str
    """What to do, as a sentence."""
    rule: Rule

    @property
    def cis(self) -> str:
        """Both numbers as one label: "docker/5.5 kubernetes/5.2.2"."""
        named = (("docker", self.cis_docker), ("kubernetes", self.cis_kubernetes))
        return " ".join(f"{name}/{number}" for name, number in named if number)


PASSED: Final = Verdict(Outcome.PASSED)


def failed(evidence: str, level: Level | None = None) -> Verdict:
    """It is so; `evidence` says what was seen."""
    return Verdict(Outcome.FAILED, evidence, level)


def unknown(why: str) -> Verdict:
    """Nothing said."""
    return Verdict(Outcome.UNKNOWN, why)


def not_applicable(why: str) -> Verdict:
    """Not a question here."""
    return Verdict(Outcome.NOT_APPLICABLE, why)


UNREADABLE: Final = "neither its process nor its OCI bundle could be read"


def fails_if(bad: bool | None, evidence: str, why_unknown: str = UNREADABLE) -> Verdict:
    """From one question; None is unknown."""
    if bad is None:
        return unknown(why_unknown)
    return failed(evidence) if bad else PASSED
