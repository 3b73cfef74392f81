"""`agent why --prometheus URL [TARGET]`: what is wrong on all hosts a Prometheus scrapes."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from agent.cli import narrowing
from agent.cli.exits import ERROR, FINDINGS, NOT_FOUND, OK, USAGE
from agent.cli.prometheus import open_prometheus

if TYPE_CHECKING:
    from agent.container.target import Target
    from agent.fleet.diagnosis import HostDiagnosis
    from agent.fleet.prometheus import Prometheus

SECONDS: Final = 300.0
"""Looked at: some scrapes, at any usual interval."""
_MOMENTS: Final = 6
_EACH: Final = "container_start_time_seconds"
"""A series that every container has once."""


def run(arguments: argparse.Namespace, target: Target | None) -> int:
    """The exit code."""
    from agent.fleet.diagnosis import diagnose_hosts
    from agent.fleet.hosts import look
    from agent.fleet.server import CannotAsk

    seconds = SECONDS if arguments.seconds is None else arguments.seconds
    now = time.time()
    moments = [now - seconds + seconds * n / (_MOMENTS - 1) for n in range(_MOMENTS)]
    try:
        prometheus = open_prometheus(arguments)
        where = arguments.match
        if target is not None:
            found = _matchers_of_target(prometheus, arguments, target, seconds, now)
            if found is None:
                return NOT_FOUND
            where = ",".join(part for part in (where, found) if part)
        hosts = diagnose_hosts(look(prometheus, moments, where))
    except (CannotAsk, ValueError) as error:
        print(f"agent why: {error}", file=sys.stderr)
        return USAGE if isinstance(error, ValueError) else ERROR
    if target is not None:
        hosts = [only for host in hosts if (only := _only(host, target)) is not None]
    if not hosts:
        matching = f" that match {arguments.match}" if arguments.match else ""
        print(
            f"agent why: {prometheus.url} has no host's machine_cpu_cores{matching}: does it"
            " scrape this agent, cAdvisor or the kubelet?",
            file=sys.stderr,
        )
        return NOT_FOUND
    return _tell(arguments, hosts, one=target is not None)


def _matchers_of_target(
    prometheus: Prometheus,
    arguments: argparse.Namespace,
    target: Target,
    seconds: float,
    now: float,
) -> str | None:
    """Matchers of the host the target is on. None, and said why, where it is not one container."""
    from agent.container.target import Candidate, find
    from agent.fleet.hosts import HOST_LABELS, host_of
    from agent.fleet.prometheus import matchers
    from agent.fleet.sample import CgroupSeries, sample_of

    if target.form == "pid":
        raise ValueError("a pid says nothing to Prometheus: name the container")
    hosts = {}
    candidates = []
    # Of the whole time: a scrape that failed just now must not make it unknown.
    seen = f"last_over_time({_EACH}{{{arguments.match}}}[{max(seconds, 60):.0f}s])"
    for series in prometheus.query(seen, now):
        sample = sample_of(host_of(series.labels), series.labels, CgroupSeries([series]), now)
        if sample.container is not None:
            hosts[sample.cgroup.inode] = series.labels
            candidates.append(Candidate(sample.cgroup, sample.container))
    found = find(target, candidates, "")
    if len(found) != 1:
        if found:
            print(f"agent why: {arguments.target!r} may be any of {len(found)}:", file=sys.stderr)
            for candidate in found:
                host = host_of(hosts[candidate.cgroup.inode])
                print(f"  {candidate}  on {host}", file=sys.stderr)
        else:
            print(f"agent why: {prometheus.url} knows no {arguments.target!r}", file=sys.stderr)
        return None
    labels = hosts[found[0].cgroup.inode]
    label = next((label for label in HOST_LABELS if labels.get(label)), "")
    return matchers({label: labels[label]}) if label else ""


def _only(host: HostDiagnosis, target: Target) -> HostDiagnosis | None:
    from agent.records import replace

    verdicts = narrowing.verdicts_of(target, host.diagnosis, "")
    if not verdicts:
        return None
    return replace(host, diagnosis=narrowing.only(host.diagnosis, verdicts))


def _tell(arguments: argparse.Namespace, hosts: list[HostDiagnosis], *, one: bool) -> int:
    from agent.diagnosis.finding import Severity

    if arguments.output == "json":
        _print_json(hosts)
    else:
        _print_text(arguments, hosts, one=one)
    if arguments.exit_code and min(host.worst for host in hosts)[0] <= -Severity.WARNING:
        return FINDINGS
    return OK


def _print_json(hosts: list[HostDiagnosis]) -> None:
    import orjson

    from agent.diagnosis.document import document

    body = {
        "schema_version": 1,
        "hosts": [
            {
                "host": each.host,
                "diagnosis": orjson.Fragment(document(each.diagnosis, each.scene).rstrip()),
            }
            for each in hosts
        ],
    }
    sys.stdout.write(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE).decode())


def _print_text(arguments: argparse.Namespace, hosts: list[HostDiagnosis], *, one: bool) -> None:
    from agent.cli.why_printing import style
    from agent.diagnosis.text import diagnosis_text
    from agent.records import replace
    from agent.units import plural

    written = style(ascii_only=arguments.ascii)
    ill = [host for host in hosts if one or host.worst < (0.0, 0.0)]
    for each in ill:
        shown = each.diagnosis if one else replace(each.diagnosis, blind=())
        text = diagnosis_text(shown, each.scene, written, one=one, host=each.host)
        sys.stdout.write(text + "\n")
    if not one:
        noun = "other host" if ill else "host"
        sys.stdout.write(f"{written.tick} {plural(len(hosts) - len(ill), noun)}: nothing unusual\n")
