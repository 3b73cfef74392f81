"""`agent logs --verify`: does every line of a container arrive, once and in order?

A container of its own writes numbered lines; the log worker that `agent run` uses too reads them
from the runtime's file and ships them to a Forward server inside this command. The worker has a
checkpoint of its own in a temporary directory: a running agent is not touched. It also ships what
other containers write meanwhile, which is received and not counted.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.cli.exits import ERROR, OK, UNREACHABLE
from agent.records import replace

if TYPE_CHECKING:
    from agent.cli.verify_receiver import Tally
    from agent.config import Config
    from agent.demo.client import Runtime
    from agent.logs.stats import WorkerStats

_READY: Final = 20.0
"""Seconds for the worker to tell its first statistics."""
_WRITE: Final = 0.002
"""Seconds a line may take to be written: busybox' shell needs a hundredth of that."""
_ARRIVE: Final = 20.0
"""Seconds without a new line after which no more are waited for."""
_HEAD_START: Final = 3
"""Seconds the container waits before its first line: its log is found empty, whenever that is."""
_SHOWN: Final = 10


def verify(config: Config, lines: int, runtime_name: str | None) -> int:
    """Run the test; 0 where nothing is lost, twice or out of order, else 1; 5 without a runtime."""
    from agent.demo import DemoError, NoRuntime

    try:
        return _verify(config, lines, runtime_name)
    except NoRuntime as error:
        print(f"agent logs: {error}", file=sys.stderr)
        return UNREACHABLE
    except DemoError as error:
        print(f"agent logs: {error}", file=sys.stderr)
        return ERROR


def _verify(config: Config, lines: int, runtime_name: str | None) -> int:
    from agent.child import Child
    from agent.cli.verify_receiver import VerifyReceiver
    from agent.log_destinations import FluentdDestination
    from agent.logs.handover import worker_input
    from agent.logs.stats import WorkerStats

    runtime = _pick(runtime_name)
    run = secrets.token_hex(4)
    prefix = f"agent-verify {run}"
    name = f"agent-verify-{run}"
    stats: list[WorkerStats] = []
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="agent-verify-") as state,
        VerifyReceiver(prefix, lines) as receiver,
    ):
        # Without rules: what is tested is the way of the lines, not what is left out on purpose.
        logs = replace(
            config.logs, state=state, from_start=False, processing=(), container_rules=False
        )
        given = worker_input(
            replace(config, logs=logs),
            FluentdDestination(port=receiver.port, tag="verify", compression="none"),
        )
        worker = Child(
            "log worker",
            [sys.executable, "-m", "agent.log_worker"],
            given,
            lambda line: stats.append(WorkerStats.from_json(line)),
        )
        worker.start()
        try:
            if not _within(_READY, lambda: len(stats) > 0):
                print("agent logs: the log worker does not start", file=sys.stderr)
                return ERROR
            print(f"{runtime.name} writes {lines} lines in {name}", flush=True)
            try:
                _write(runtime, name, prefix, lines)
                _receive(receiver.tally, lines, lambda: _runs(runtime, name))
                # What comes now comes twice.
                _within(2.0, lambda: False)
            finally:
                runtime.remove(name)
        finally:
            worker.stop()
        tally = receiver.tally
        problem = receiver.problem
    return _report(tally, stats[-1], problem, time.monotonic() - began)


def _pick(name: str | None) -> Runtime:
    """The runtime asked for, or the first that works and keeps its logs in files."""
    from agent.demo import DemoError, NoRuntime
    from agent.demo.client import IMAGE, MARK
    from agent.demo.deploy import make_runtime
    from agent.demo.image import NoBusybox, archive, find_busybox
    from agent.demo.state import default_places

    places = default_places()
    reasons: list[str] = []
    for candidate in (name,) if name else ("docker", "podman"):
        runtime = make_runtime(candidate, (), places)
        reason = runtime.unusable()
        if not reason and not runtime.keeps_logs:
            reason = f"{candidate} keeps no log files; try docker or podman"
        if reason:
            reasons.append(reason)
            continue
        try:
            runtime.load(archive(find_busybox(), IMAGE, {MARK: "1"}))
        except NoBusybox as error:
            raise DemoError(str(error)) from None
        return runtime
    raise NoRuntime(f"no container runtime can be used: {'; '.join(reasons)}")


def _write(runtime: Runtime, name: str, prefix: str, lines: int) -> None:
    from agent.demo.client import MARK, OWNER, Job
    from agent.demo.state import default_places

    script = (
        f"sleep {_HEAD_START}; i=0; "
        f'while [ $i -lt {lines} ]; do echo "{prefix} $i"; i=$((i + 1)); done'
    )
    # The demo's label: `agent demo --stop` removes it, should this command be killed.
    labels = {MARK: "1", OWNER: default_places().owner}
    runtime.start(Job(name, ("/bin/sh", "-c", script), labels))


def _runs(runtime: Runtime, name: str) -> bool:
    return runtime.pid(name) is not None


def _receive(tally: Tally, lines: int, runs: Callable[[], bool]) -> None:
    """Wait until every line is there, or nothing comes any more."""
    deadline = time.monotonic() + _HEAD_START + lines * _WRITE + _ARRIVE
    received, at = 0, time.monotonic()
    while tally.received < lines and time.monotonic() < deadline:
        time.sleep(0.1)
        if tally.received != received:
            received, at = tally.received, time.monotonic()
        elif time.monotonic() - at > _ARRIVE and not runs():
            return


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _report(tally: Tally, stats: WorkerStats, problem: str, seconds: float) -> int:
    lost = tally.lost
    print(f"received    {tally.received:>8}   in {seconds:.1f} s")
    print(f"lost        {len(lost):>8}{_some(lost)}")
    print(f"duplicated  {tally.duplicated:>8}")
    print(f"reordered   {tally.reordered:>8}")
    for cause, loss in sorted(stats.total_lost().items()):
        print(f"the worker counts {loss.times} losses as {cause!r}, of all containers")
    if stats.destination.last_error:
        print(f"the worker's last error: {stats.destination.last_error}")
    if problem:
        print(f"a message could not be read: {problem}")
    good = not lost and not tally.duplicated and not tally.reordered and not problem
    print("every line arrived, once and in order" if good else "this is not as it should be")
    return OK if good else ERROR


def _some(numbers: list[int]) -> str:
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    return f"   numbers {shown}{', …' if len(numbers) > _SHOWN else ''}"
