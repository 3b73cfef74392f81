"""`agent trace CONTAINER`: what one container does in the kernel, each second, for a while."""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from agent.cli import forms, settings, targets
from agent.cli.exits import ERROR, NOT_PERMITTED, OK
from agent.cli.numbers import seconds
from agent.faults import told

if TYPE_CHECKING:
    from agent.bpf.facts import Facts
    from agent.bpf.probe import Probe
    from agent.config import Config
    from agent.container.target import Target
    from agent.trace.session import Subject
    from agent.trace.tracers import Tracer

_EPILOG = """\
examples:
  agent trace web                          its system calls, until Ctrl-C
  agent trace shop/api --sched             waits for a CPU, and who took it
  agent trace web --seconds 10 -o json     eleven JSON objects, the last is the summary

CONTAINER is written as for `agent inspect`. The probe is loaded for this command alone, with or
without a running agent, and is gone when it ends. It needs CAP_BPF and CAP_PERFMON (or root);
what it cost is told where CAP_SYS_ADMIN lets it be measured.

While it looks, on the whole host, a system call costs about 0.3 us more with --syscalls, a page
fault 0.5 us with --faults, a read of a file 0.1 us with --cache.

exit codes: 0 ok   1 no probe runs here   3 no or several such containers 4 a capability is missing
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "trace",
        help="what one container asks of the kernel, live",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument("target", metavar="CONTAINER", help="which one")
    what = parser.add_mutually_exclusive_group()
    for name, text in (
        ("syscalls", "system calls, how long they take, what fails (default)"),
        ("sched", "waits for a CPU, who took it, and what else was waited for"),
        ("faults", "page faults, and how long the major ones wait"),
        ("cache", "what reads find in the page cache, and what they miss"),
        ("io", "block devices: requests, bytes, times, by process and file"),
        ("net", "TCP: connections, failures, resets, retransmissions"),
        ("rtt", "TCP: round trips of open connections, by peer"),
    ):
        what.add_argument(
            f"--{name}",
            dest="what",
            action="store_const",
            const=name,
            default="syscalls",
            help=text,
        )
    parser.add_argument(
        "--seconds",
        type=seconds(0.1, 86400),
        metavar="N",
        help="end after N seconds (default: at Ctrl-C)",
    )
    forms.add_arguments(parser, ("table", "json"))
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cgroupfs.hierarchies import NoCgroups

    target = targets.parsed("trace", arguments.target)
    config = settings.load_config(arguments)
    try:
        subject = _find(arguments.target, target, config)
    except NoCgroups as error:
        print(f"agent trace: {error}", file=sys.stderr)
        return ERROR
    return _trace(arguments, config, subject)


def _find(written: str, target: Target, config: Config) -> Subject:
    """The container that is meant."""
    from agent.container.whose import names_of
    from agent.sampler import Sampler, host_hierarchies
    from agent.trace.session import Subject

    with Sampler(config.paths) as sampler:
        snapshot = sampler.snapshot()
    chosen = targets.the_one("trace", written, target, snapshot, config.paths.proc)
    hierarchies = host_hierarchies(config.paths)
    names = names_of((sample.cgroup, sample.container) for sample in snapshot.samples)
    unified = f"{hierarchies.unified or ''}{chosen.cgroup.path}"
    blkio = hierarchies.v1.get("blkio")
    return Subject(
        chosen.container.title,
        {"unified": unified, "blkio": unified if blkio is None else blkio + chosen.cgroup.path},
        names,
    )


def _trace(arguments: argparse.Namespace, config: Config, subject: Subject) -> int:
    from agent.bpf.facts import gather
    from agent.bpf.loader import ProbeUnavailable, open_probe
    from agent.trace.tracers import TRACERS

    tracer = TRACERS[arguments.what]
    facts = gather(tracer.kind.programs.tracepoints, tracer.kind.programs.kfuncs)
    try:
        probe = open_probe(tracer.kind, config.probes.loader, facts)
    except ProbeUnavailable as error:
        denied = _lacks_rights(facts)
        print(f"agent trace: {error.reason}{'; try as root' * denied}", file=sys.stderr)
        return NOT_PERMITTED if denied else ERROR
    with probe:
        try:
            # Once before: what may not be attached is known then.
            probe.attach()
            probe.detach()
        except OSError as error:
            print(f"agent trace: {told(error)}", file=sys.stderr)
            return NOT_PERMITTED if isinstance(error, PermissionError) else ERROR
        for feature, reason in probe.off.items():
            if feature not in tracer.optional:
                print(f"agent trace: {reason}", file=sys.stderr)
                return ERROR
            print(f"agent trace: without {feature}: {reason}", file=sys.stderr)
        if tracer.on_v1 and subject.directories["blkio"] != subject.directories["unified"]:
            print(f"agent trace: {tracer.on_v1}", file=sys.stderr)
        return _print(arguments, tracer, probe, subject)


def _lacks_rights(facts: Facts) -> bool:
    from agent.bpf.support import refuse_rights

    return bool(refuse_rights(facts))


def _print(
    arguments: argparse.Namespace, tracer: Tracer[Any, Any], probe: Probe[Any], subject: Subject
) -> int:
    from agent.trace.report import (
        CLEAR,
        fitted,
        second_json,
        second_text,
        summary_json,
        summary_text,
    )
    from agent.trace.session import Session

    as_json = arguments.output == "json"
    clear = CLEAR if not as_json and sys.stdout.isatty() else ""
    if not as_json:
        end = "Ctrl-C ends" if arguments.seconds is None else f"for {arguments.seconds:g} s"
        print(f"{tracer.what} of {subject.title}, {end}", file=sys.stderr)
    session = Session(tracer, probe, subject)
    second_of = second_json if as_json else second_text
    try:
        with closing(session.seconds(arguments.seconds)) as each:
            for second in each:
                shown = second_of(tracer, subject.title, second)
                if clear:
                    size = shutil.get_terminal_size()  # each time: it may have changed
                    shown = clear + fitted(shown, size.columns, size.lines)
                sys.stdout.write(shown)
                if not as_json and not clear:
                    sys.stdout.write("\n")
                sys.stdout.flush()
    except KeyboardInterrupt:
        pass  # A person has seen enough, and wants the sum.
    summary_of = summary_json if as_json else summary_text
    sys.stdout.write(clear + summary_of(tracer, subject.title, session.summary()))
    return OK
