"""`agent why [TARGET]`: what is wrong with a container, or with all of them, and what to do."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from agent.cli import (
    ended,
    forms,
    narrowing,
    past,
    prometheus,
    remote,
    settings,
    targets,
    why_fleet,
    why_past,
)
from agent.cli.diagnosing import open_sampler
from agent.cli.exits import ERROR, FINDINGS, NOT_FOUND, OK, USAGE
from agent.cli.numbers import seconds

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.config import Config
    from agent.container.target import Target
    from agent.diagnosis.diagnose import Diagnosis
    from agent.diagnosis.scene import Scene
    from agent.lifecycle.totals import Identity
    from agent.model import Snapshot
    from agent.procfs.kmsg import KernelLog, OomKill
    from agent.sampler import Sampler
    from agent.selection.language import Selection

_EPILOG = f"""\
{targets.SYNTAX}
examples:
  agent why                          the whole host, the worst first
  agent why shop/checkout            one container: evidence, advice, and what could not be checked
  agent why --filter 'ns=shop !debug'  those that fit a filter
  agent why --seconds 60             look longer: slow leaks, rare restarts
  agent why -o json | jq '.containers[].findings[].rule'
  agent why --prometheus http://prom:9090 shop/checkout    wherever it runs
  agent why shop/checkout --at 03:12 last night, of what a running agent kept (docs/history.md)
  agent why --exit-code || page      exit code 10 where something is a warning or worse

It looks for --seconds (default 10), reads files alone, and needs no daemon; about the past it looks
at the 300 seconds before --at, or from --since on.
Every finding says by which files and keys it was found: what it means, docs/diagnosis.md.
"""

_STEP: Final = 1.0
_SECONDS: Final = 10.0


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "why",
        help="what is wrong with a container, and what to do",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument("target", metavar="TARGET", nargs="?", help="which container, see below")
    parser.add_argument(
        "--seconds",
        type=seconds(1, 3600),
        metavar="N",
        help="how long to look (default: 10; with --prometheus the last 300)",
    )
    forms.add_arguments(parser, ("text", "json"))
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 10 where there is a finding that is a warning or worse",
    )
    parser.add_argument(
        "--filter",
        default="",
        metavar="TEXT",
        help="only containers that fit, as ns=shop or severity>=warning: see docs/top.md",
    )
    parser.add_argument("--ascii", action="store_true", help="no sign outside ASCII")
    past.add_arguments(parser, until="--at")
    remote.add_arguments(parser)
    prometheus.add_arguments(parser)
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cgroupfs.hierarchies import NoCgroups

    kept = targets.selection("why", arguments.filter)
    if arguments.filter and (arguments.target or arguments.prometheus):
        print("agent why: --filter is for this host, and without a TARGET", file=sys.stderr)
        return USAGE
    target = targets.parsed("why", arguments.target) if arguments.target else None
    if arguments.prometheus:
        return why_fleet.run(arguments, target)
    if arguments.host:
        remote.take("why", arguments)
    config = settings.load_config(arguments)
    try:
        of = _of_the_past if past.asked(arguments) else _of_now
        scene, diagnosis = of(arguments, config, target, kept)
    except NoCgroups as error:
        print(f"agent why: {error}", file=sys.stderr)
        return ERROR
    return _tell(arguments, scene, diagnosis)


def _of_the_past(
    arguments: argparse.Namespace, config: Config, target: Target | None, kept: Selection
) -> tuple[Scene, Diagnosis]:
    from agent.diagnosis.scene import scene_of
    from agent.drilldown.recorded import recorded

    snapshots, notes = why_past.look_back(arguments, config, target)
    scene = scene_of(snapshots)
    diagnosis = recorded(_diagnosed(scene, kept), snapshots, notes)
    if target is None:
        return scene, diagnosis
    verdicts = narrowing.verdicts_of(target, diagnosis, config.paths.proc)
    return scene, narrowing.only(diagnosis, verdicts)


def _of_now(
    arguments: argparse.Namespace, config: Config, target: Target | None, kept: Selection
) -> tuple[Scene, Diagnosis]:
    from agent.diagnosis.ended import with_ended
    from agent.diagnosis.scene import pods_of, scene_of

    with ExitStack() as stack:
        sampler, start = open_sampler(config, stack)
        start()
        meant = None
        if target is not None:
            first = sampler.snapshot()
            meant = ended.the_one("why", arguments.target, target, first, config)
        down = meant is not None and meant.running is None
        log = _kernel_log(stack)
        snapshots = look(sampler, arguments.seconds or (_STEP if down else _SECONDS))
        known = ended.restarted_often(config) if meant is None else meant.known
        scene = with_ended(scene_of(snapshots), known, pods_of(snapshots[-1]))
        diagnosis = _diagnosed(scene, kept, () if meant is None else meant.identities)
        if meant is not None:
            diagnosis = narrowing.only(diagnosis, narrowing.verdicts_about(meant, diagnosis))
        kills = log if isinstance(log, str) else log.oom_kills()
        return scene, _drill_down(diagnosis, snapshots[-1], kills, sampler, config)


def _diagnosed(scene: Scene, kept: Selection, asked: Collection[Identity] = ()) -> Diagnosis:
    from agent.diagnosis.diagnose import diagnose

    diagnosis = diagnose(scene, asked)
    return _kept(kept, diagnosis, scene) if kept.text else diagnosis


def look(sampler: Sampler, length: float) -> list[Snapshot]:
    """Snapshots of the next `length` seconds, one each second."""
    waiting = sys.stderr.isatty()
    if waiting:
        print(f"looking for {length:g} s …", end="", file=sys.stderr, flush=True)
    snapshots = [sampler.snapshot()]
    end = time.monotonic() + length
    while (now := time.monotonic()) < end:
        time.sleep(min(_STEP, end - now))
        snapshots.append(sampler.snapshot())
    if waiting:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return snapshots


def _drill_down(
    diagnosis: Diagnosis,
    last: Snapshot,
    kills: list[OomKill] | str,
    sampler: Sampler,
    config: Config,
) -> Diagnosis:
    from agent.container.log_sources import LogSources
    from agent.drilldown.evidence import Sources, drill_down
    from agent.sampler import host_hierarchies

    return drill_down(
        diagnosis,
        last,
        Sources(
            pids=sampler.pids,
            logs=LogSources(config.paths, config.logs.files).scan,
            oom_kills=kills,
            unified=host_hierarchies(config.paths).unified,
            loader=config.probes.loader,
        ),
    )


def _kernel_log(stack: ExitStack) -> KernelLog | str:
    """A text: why it cannot be read, and the victims of the OOM killer have no name."""
    from agent.procfs.kmsg import KernelLog, cannot_read

    try:
        return stack.enter_context(KernelLog())
    except OSError as error:
        return cannot_read(error)


def _tell(arguments: argparse.Namespace, scene: Scene, diagnosis: Diagnosis) -> int:
    from agent.diagnosis.finding import Severity

    one = arguments.target is not None
    if not diagnosis.verdicts and (one or arguments.filter):
        gone = f"{arguments.target} ended meanwhile"
        said = gone if one else f"no container fits {arguments.filter!r}"
        print(f"agent why: {said}", file=sys.stderr)
        return NOT_FOUND
    _print(arguments, diagnosis, scene, one=one)
    worst = max((v.severity for v in diagnosis.verdicts if v.severity is not None), default=None)
    if arguments.exit_code and worst is not None and worst >= Severity.WARNING:
        return FINDINGS
    return OK


def _kept(kept: Selection, diagnosis: Diagnosis, scene: Scene) -> Diagnosis:
    """The containers that fit the filter."""
    from agent.selection.item import item_of

    fitting = [v for v in diagnosis.verdicts if kept.keeps(item_of(v, scene))]
    return narrowing.only(diagnosis, tuple(fitting))


def _print(arguments: argparse.Namespace, diagnosis: Diagnosis, scene: Scene, *, one: bool) -> None:
    if arguments.output == "json":
        from agent.diagnosis.document import document

        sys.stdout.write(document(diagnosis, scene).decode())
        return
    from agent.cli.why_printing import style
    from agent.diagnosis.text import diagnosis_text

    written = style(ascii_only=arguments.ascii)
    then = why_past.then(scene) if past.asked(arguments) else None
    sys.stdout.write(diagnosis_text(diagnosis, scene, written, one=one, then=then))
