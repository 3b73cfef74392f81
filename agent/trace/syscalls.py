"""`agent trace --syscalls`: what a container asks of the kernel, how long it takes, what fails.

Pure: everything is a function of two readings of the probe "syscall_times".
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import TypedDict

from agent.bpf.syscall_counts import BUCKETS, CallTimes
from agent.trace.buckets import human_ns, human_quantile, quantile_seconds
from agent.trace.text import columns

Calls = Mapping[str, CallTimes]
"""Name of a system call -> what is known of it."""

_NONE = CallTimes(0, 0, 0, (0,) * BUCKETS, {})


class CallRow(TypedDict):
    """One system call, for JSON. Seconds."""

    call: str
    calls: int
    errors: int
    seconds: float
    average_seconds: float
    p99_seconds: float | None
    errnos: dict[str, int]


def together(cgroups: Iterable[Calls]) -> dict[str, CallTimes]:
    """The sum over a container's cgroups."""
    total: dict[str, CallTimes] = {}
    for calls in cgroups:
        for name, more in calls.items():
            total[name] = _combine(total.get(name, _NONE), more, 1)
    return total


def since(new: Calls, old: Calls) -> dict[str, CallTimes]:
    """What happened between two readings."""
    changed = {name: _combine(times, old.get(name, _NONE), -1) for name, times in new.items()}
    return {name: times for name, times in changed.items() if times.calls}


def table(calls: Calls, most: int | None = None) -> list[str]:
    """Those that took most time first, at most `most` of them."""
    ordered = sorted(calls.items(), key=lambda item: (-item[1].ns, item[0]))
    total = sum(times.ns for times in calls.values())
    rows = []
    for name, times in ordered[:most]:
        share = f"{100 * times.ns / total:.1f}" if total else "-"
        rows.append(
            (
                name,
                share,
                human_ns(times.ns),
                str(times.calls),
                str(times.errors),
                human_ns(times.ns / times.calls) if times.calls else "-",
                human_quantile(times.buckets, 0.99),
                _errnos(times.errnos),
            )
        )
    return columns(("CALL", "%TIME", "TIME", "CALLS", "ERR", "AVG", "P99", "ERRORS"), rows)


def headline(calls: Calls, seconds: float) -> str:
    """ "1204 calls/s, 3 errors/s"."""
    count = sum(times.calls for times in calls.values())
    errors = sum(times.errors for times in calls.values())
    return f"{count / seconds:.0f} calls/s, {errors / seconds:.0f} errors/s"


def rows(calls: Calls) -> list[CallRow]:
    """All, by name."""
    return [
        CallRow(
            call=name,
            calls=times.calls,
            errors=times.errors,
            seconds=times.ns / 1e9,
            average_seconds=times.ns / times.calls / 1e9,
            p99_seconds=quantile_seconds(times.buckets, 0.99),
            errnos={_errno(number): count for number, count in sorted(times.errnos.items())},
        )
        for name, times in sorted(calls.items())
        if times.calls
    ]


def _combine(first: CallTimes, second: CallTimes, sign: int) -> CallTimes:
    errnos = dict(first.errnos)
    for number, count in second.errnos.items():
        errnos[number] = errnos.get(number, 0) + sign * count
    return CallTimes(
        calls=first.calls + sign * second.calls,
        errors=first.errors + sign * second.errors,
        ns=first.ns + sign * second.ns,
        buckets=tuple(a + sign * b for a, b in zip(first.buckets, second.buckets, strict=True)),
        errnos={number: count for number, count in errnos.items() if count},
    )


def _errnos(errnos: Mapping[int, int]) -> str:
    ordered = sorted(errnos.items(), key=lambda item: (-item[1], item[0]))
    return " ".join(f"{_errno(number)}:{count}" for number, count in ordered[:3])


def _errno(number: int) -> str:
    return errno.errorcode.get(number, str(number))
