"""`agent doctor`: what this host gives and lacks, and how to mend it."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections import Counter

from agent.cli import health, settings
from agent.cli.exits import ERROR, OK

_EPILOG = """\
It reads files alone: nothing is loaded into the kernel, nothing is written. A "note" means that
less is seen, a "PROBLEM" that something the configuration asks for does not work. That a probe may
be loaded is no promise: the kernel has the last word.

exit codes: 0 no problem   1 a problem   2 the configuration is wrong, each mistake on a line
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="what this host gives and lacks, with the fix",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    settings.add_arguments(parser)
    settings.add_web_argument(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.bpf.registry import select
    from agent.bpf.sweep import PROGRAMS
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.container.container import Kind
    from agent.doctor.checks import checks
    from agent.doctor.facts import Level
    from agent.doctor.gather import gather
    from agent.sampler import Sampler, host_hierarchies

    config = settings.load_config(arguments)
    hierarchies = None
    containers: Counter[str] = Counter()
    unread: tuple[str, ...] = ()
    with contextlib.suppress(NoCgroups):  # a check says so
        hierarchies = host_hierarchies(config.paths)
        with Sampler(config.paths) as sampler:
            snapshot = sampler.snapshot()
        for sample in snapshot.samples:
            if sample.container is not None and sample.container.kind is Kind.CONTAINER:
                containers[sample.container.runtime] += 1
        unread = tuple(
            f"{each.source}: {each.failures} could not be read, first {each.message}"
            for each in snapshot.health
            if each.failures
        )
    probes = [kind.programs for kind in select(config.probes.on, config.probes.off)]
    if config.probes.sweep:
        probes.append(PROGRAMS)
    answer, problem = _ask(arguments)
    facts = gather(
        config,
        hierarchies,
        probes,
        containers=containers,
        unread=unread,
        answer=answer,
        answer_problem=problem,
    )
    found = checks(facts)
    if arguments.output == "json":
        from agent.doctor.document import document

        print(document(facts, found))
    else:
        from agent.doctor.text import doctor_text

        sys.stdout.write(doctor_text(found))
    return ERROR if any(check.level is Level.PROBLEM for check in found) else OK


def _ask(arguments: argparse.Namespace) -> tuple[str, str]:
    """What `agent health` hears, and why it is not good; one of them is ""."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = health._run(arguments)
    told = (out.getvalue() or err.getvalue()).strip().replace("\n", "; ")
    return (told, "") if code == OK else ("", told.removeprefix("agent: "))
