"""`make run`: the agent on this host, with something to look at; `--check`: the same, by a machine.

Starts the demo workloads when no container runs on the host, then the agent with its metrics on
127.0.0.1:9464 and the logs in .run/logs of the checkout, says where to look, and on Ctrl-C stops
what it started.

--check takes a free port, always starts the demo, waits until the page has every demo container and
the log file lines of those that log, and exits 0; or says what was missing and exits 1. Where this
machine can run no container it says why, and checks the page alone.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent import demo

ROOT = Path(__file__).resolve().parent.parent
AGENT = str(ROOT / ".venv" / "bin" / "agent")
RUN = ROOT / ".run"
LOG_FILE = RUN / "logs" / "containers.jsonl"
STATE = RUN / "state"
LISTEN = "127.0.0.1:9464"

LOOK = """
  metrics        http://{listen}/metrics
  in a browser   http://{listen}/
  logs           {log_file}

  try, in another terminal:
    {agent} top
    {agent} why
    {agent} top --once -o json
    {agent} why --since 5m --set logs.state={state}   # of the history
    curl -s http://{listen}/metrics | grep -E 'throttled|oom|pressure'
    tail -f {log_file}

  Ctrl-C stops everything that was started here.
"""


def main() -> int:
    """Run or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="deploy/run.py")
    parser.add_argument("--check", action="store_true", help="check by machine and exit")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long --check may wait")
    arguments = parser.parse_args()
    # SIGTERM ends this like Ctrl-C, so that what was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _check(arguments.seconds) if arguments.check else _run()
    except KeyboardInterrupt:
        return 0


def _run() -> int:
    with _demo(only_if_empty=True), _agent(LISTEN) as agent:
        print(LOOK.format(listen=LISTEN, log_file=LOG_FILE, agent=AGENT, state=STATE), flush=True)
        return agent.wait()


def _check(seconds: float) -> int:
    LOG_FILE.unlink(missing_ok=True)
    messages = RUN / "agent.log"
    with _demo(only_if_empty=False) as expected, _agent("127.0.0.1:0", messages) as agent:
        address = _address(agent, messages)
        started = time.monotonic()
        missing: list[str] = ["the page"]
        while missing and time.monotonic() - started < seconds:
            time.sleep(0.2)
            missing = _missing(address, expected)
        took = time.monotonic() - started
    if missing:
        print(f"check: after {took:.1f} s still missing: {', '.join(missing)}", file=sys.stderr)
        return 1
    print(f"check: {len(expected)} demo containers on the page, their lines in {LOG_FILE.name},")
    print(f"check: {took:.1f} s after the agent was started")
    return 0


def _missing(address: str, expected: list[str]) -> list[str]:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as response:
        page = response.read().decode()
    missing = [f"{name} on the page" for name in expected if f'name="{name}"' not in page]
    if "demo-logger" in expected:
        logged = LOG_FILE.read_text() if LOG_FILE.exists() else ""
        if '"container_name":"demo-logger"' not in logged:
            missing.append("lines of demo-logger in the log file")
    return missing


@contextmanager
def _demo(*, only_if_empty: bool) -> Iterator[list[str]]:
    """Run the demo workloads for as long as this lasts; yield the names of those that run."""
    names: list[str] = []
    # A cgroup that a killed runtime left behind is on the page, as with cAdvisor, and runs nothing.
    running = [AGENT, "ps", "--quiet", "--filter", "state!=exited"]
    if only_if_empty and subprocess.check_output(running):
        print(f"containers run here already; for some that misbehave: {AGENT} demo")
        yield names
        return
    try:
        names = [container.name for container in demo.start(start_daemon=True)]
    except demo.DemoError as error:
        print(f"no demo workloads here: {error}", file=sys.stderr)
    try:
        yield names
    finally:
        demo.stop()


@contextmanager
def _agent(listen: str, messages: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run the agent for as long as this lasts. Its messages go to `messages`, else to stderr."""
    RUN.mkdir(exist_ok=True)
    command = [
        *(AGENT, "run"),
        *("--set", f"metrics.listen={listen}"),
        *("--set", f"logs.state={STATE}"),
        *("--set", f"logs.destination=[{{type = 'file', path = '{LOG_FILE}'}}]"),
    ]
    with open(messages or os.devnull, "wb") as file:
        agent = subprocess.Popen(command, stderr=file if messages else None, cwd=ROOT)
    try:
        yield agent
    finally:
        if agent.poll() is None:
            agent.terminate()
        agent.wait()


def _address(agent: subprocess.Popen[bytes], messages: Path) -> str:
    """Where the agent listens, from what it says when it starts."""
    while agent.poll() is None:
        _, found, rest = messages.read_text().partition("metrics at http://")
        if found and "/" in rest:
            return rest.partition("/")[0]
        time.sleep(0.05)
    raise SystemExit(f"check: the agent ended with {agent.returncode}:\n{messages.read_text()}")


if __name__ == "__main__":
    sys.exit(main())
