"""Limits: what keeps one container from taking the machine."""

from __future__ import annotations

from agent.kernelfile import UNLIMITED, Limit
from agent.security.check import PASSED, Verdict, failed, unknown
from agent.security.facts import Facts


def no_memory_limit(facts: Facts) -> Verdict:
    return _limit(facts.limits.memory, "memory.max")


def no_cpu_limit(facts: Facts) -> Verdict:
    return _limit(facts.limits.cpu, "cpu.max")


def no_pids_limit(facts: Facts) -> Verdict:
    return _limit(facts.limits.pids, "pids.max")


def _limit(limit: Limit | None, file: str) -> Verdict:
    if limit is None:
        return unknown(f"this host does not tell {file} of it")
    return failed(f"{file} is max") if limit is UNLIMITED else PASSED
