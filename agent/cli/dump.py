"""`agent dump [TARGET]`: all that is known of a container, or of the host, as JSON."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from agent.cli import past, settings, targets
from agent.cli.exits import ERROR, OK
from agent.cli.numbers import seconds

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.target import Target
    from agent.model import Sample, Snapshot
    from agent.sampler import Sampler

_EPILOG = f"""\
{targets.SYNTAX}
examples:
  agent dump web | jq .sample.reading.memory_stat
  agent dump > host.json                  every cgroup of the host
  agent dump --schema                     what each field means, as JSON Schema; with TARGET, of a
                                          container's

Raw counters have the kernel's names and units; null is not known here, "max" is no limit. Rates are
over --seconds. Values of environment variables are not in it; --redact also takes out values of
labels and what looks like a secret, as agent snapshot save does.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "dump",
        help="all that is known of a container, or of the host, as JSON",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument("target", metavar="TARGET", nargs="?", help="which container, see below")
    parser.add_argument(
        "--seconds",
        type=seconds(0.1, 3600),
        default=1.0,
        metavar="N",
        help="what rates are over (default: 1)",
    )
    parser.add_argument("--redact", action="store_true", help="take out what may be secret")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema instead")
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.dump.document import schema

    if arguments.schema:
        sys.stdout.write(schema("container" if arguments.target else "host").decode())
        return OK
    target = targets.parsed("dump", arguments.target) if arguments.target else None
    config = settings.load_config(arguments)
    try:
        with ExitStack() as stack:
            return _dump(arguments, config, target, stack)
    except NoCgroups as error:
        print(f"agent dump: {error}", file=sys.stderr)
        return ERROR


def _dump(
    arguments: argparse.Namespace,
    config: Config,
    target: Target | None,
    stack: ExitStack,
) -> int:
    from agent.cli.diagnosing import open_sampler
    from agent.dump.document import container_document, host_document
    from agent.history.redact import Redaction

    sampler, start = open_sampler(config, stack)
    start()
    before = sampler.snapshot()
    if target is not None:
        targets.the_one("dump", arguments.target, target, before, config.paths.proc)
    time.sleep(arguments.seconds)
    after = sampler.snapshot()
    redaction = Redaction() if arguments.redact else None
    if target is None:
        if redaction is not None:
            before, after = redaction.redacted(before), redaction.redacted(after)
        sys.stdout.write(host_document(before, after).decode())
        return OK
    meant = targets.the_one("dump", arguments.target, target, after, config.paths.proc).cgroup
    (sample,) = (one for one in after.samples if one.cgroup.inode == meant.inode)
    assert sample.container is not None
    events = past.events_of(config, sample.container) or []
    inspected = _inspected(config, sampler, after, sample)
    if redaction is not None:
        before, after = redaction.redacted(before), redaction.redacted(after)
        sample = redaction.redacted(sample)
        events = [redaction.redacted(event) for event in events]
    sys.stdout.write(container_document(before, after, sample, events, inspected).decode())
    return OK


def _inspected(config: Config, sampler: Sampler, snapshot: Snapshot, sample: Sample) -> str:
    from agent.inspect.details import read_details
    from agent.inspect.document import document

    return document(
        read_details(
            config.paths,
            snapshot,
            sample,
            lambda: sampler.pids(sample.cgroup),
            config.security.ignore,
        )
    )
