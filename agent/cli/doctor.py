"""`agent doctor`: what this host gives and lacks, and how to mend it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import Counter
from typing import TYPE_CHECKING

from agent.cli import forms, health, settings
from agent.cli.exits import ERROR, OK
from agent.faults import told

if TYPE_CHECKING:
    from agent.config import Config

_EPILOG = """\
It reads files alone: nothing is loaded into the kernel, nothing is written. A "note" means that
less is seen, a "PROBLEM" that something the configuration asks for does not work. That a probe may
be loaded is no promise: the kernel has the last word.

exit codes: 0 no problem   1 a problem, mistakes in the configuration among them
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="what this host gives and lacks, with the fix",
        description=__doc__,
        epilog=_EPILOG,
    )
    forms.add_arguments(parser, ("text", "json"))
    settings.add_arguments(parser)
    settings.add_web_argument(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.bpf.own import find_own, kind_of
    from agent.bpf.sweep import PROGRAMS
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.container.container import Kind
    from agent.doctor.checks import checks
    from agent.doctor.facts import Level
    from agent.doctor.gather import gather
    from agent.doctor.probes import planned
    from agent.sampler import Sampler, host_hierarchies

    config, problems = _config(arguments)
    hierarchies = None
    containers: Counter[str] = Counter()
    log_drivers: dict[str, str] = {}
    unread: tuple[str, ...] = ()
    with contextlib.suppress(NoCgroups):  # a check says so
        hierarchies = host_hierarchies(config.paths)
        with Sampler(config.paths) as sampler:
            snapshot = sampler.snapshot()
        for sample in snapshot.samples:
            if sample.container is not None and sample.container.kind is Kind.CONTAINER:
                containers[sample.container.runtime] += 1
                log_drivers[sample.container.title] = sample.container.log_driver
        unread = tuple(
            f"{each.source}: {each.failures} could not be read, first {each.message}"
            for each in snapshot.health
            if each.failures
        )
    own = find_own(config.probes.directory) if config.probes.directory else ()
    answer, problem, page = _ask(config)
    facts = gather(
        config,
        hierarchies,
        planned(config.probes, map(kind_of, own), PROGRAMS),
        containers=containers,
        log_drivers=log_drivers,
        unread=unread,
        answer=answer,
        answer_problem=problem,
        page=page,
        config_problems=problems,
    )
    found = checks(facts)
    if arguments.output == "json":
        from agent.doctor.document import document

        print(document(facts, found))
    else:
        from agent.doctor.text import doctor_text

        sys.stdout.write(doctor_text(found))
    return ERROR if any(check.level is Level.PROBLEM for check in found) else OK


def _config(arguments: argparse.Namespace) -> tuple[Config, tuple[str, ...]]:
    """The configuration and what is wrong with it: the defaults then."""
    from agent.config import Config
    from agent.configfile import ConfigError

    try:
        return settings.load_checked(arguments)[0], ()
    except ConfigError as error:
        return Config(), error.problems
    except OSError as error:
        return Config(), (f"cannot read the configuration: {told(error)}",)


def _ask(config: Config) -> tuple[str, str, str]:
    """What the running agent answers, or why it does not; and its page. "" is none."""
    from agent.web.faults import BadWebFile

    try:
        status, answer = health.fetch(config, "/readyz")
        if status == health.CLIENT_CERTIFICATE:
            return "it asks for a client certificate", "", ""
        if status == health.UNAUTHORIZED:
            return "it asks for a password", "", ""
        if status != health.GOOD:
            return "", answer.replace("\n", "; "), ""
        _, page = health.fetch(config, "/metrics")
    except (health.Unreachable, OSError, BadWebFile) as error:
        return "", told(error), ""
    return answer, "", page
