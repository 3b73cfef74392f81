"""Until there is something to look at: `agent top`, `agent top --once`, and the names for a Tab.

    .venv/bin/python -m tests.bench.first_paint [--containers 0] [--rounds 15] [--json]

Wall time from fork to the first byte of the table (its heading and rows are written at once), or to
the end of the program; "CPU" is what it had used until then (schedstat). Both are medians, beside a
Python that does nothing. With --containers so many run meanwhile, in the Docker that answers here
or in a private one. Targets: 200 ms of wall to the first table, 100 ms of CPU to the names.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.containers import CannotRun, a_docker, running
from tests.bench.installed import compile_agent

MOST_WALL = 0.2
MOST_TAB = 0.1
CASES: dict[str, tuple[tuple[str, ...], bytes | None]] = {
    "python": (("-c", "pass"), None),
    "agent top": (("-m", "agent", "top"), b"NAME"),
    "agent top --once": (("-m", "agent", "top", "--once"), None),
    "agent completion targets": (("-m", "agent", "completion", "targets"), None),
}
"""What Python is given, and what it writes once it is there; None: it ends."""


@dataclass(frozen=True, slots=True)
class Paint:
    """One start; seconds."""

    wall: float
    cpu: float


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="How long until there is something to look at.")
    parser.add_argument("--containers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    compile_agent()
    try:
        with ExitStack() as stack:
            if arguments.containers:
                stack.enter_context(a_docker())
                stack.enter_context(running(arguments.containers))
            paints = {name: _median(*case, arguments.rounds) for name, case in CASES.items()}
    except CannotRun as error:
        print(f"first_paint: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({name: asdict(paint) for name, paint in paints.items()}))
    else:
        for name, paint in paints.items():
            print(f"{name:<26}{paint.wall * 1e3:>6.0f} ms wall{paint.cpu * 1e3:>6.0f} ms CPU")
    slow = paints["agent top"].wall > MOST_WALL
    return int(slow or paints["agent completion targets"].cpu > MOST_TAB)


def _median(words: tuple[str, ...], sign: bytes | None, rounds: int) -> Paint:
    """In turn, after one that fills the caches."""
    paints = [_start(words, sign) for _ in range(rounds + 1)][1:]
    return Paint(
        statistics.median(paint.wall for paint in paints),
        statistics.median(paint.cpu for paint in paints),
    )


def _start(words: tuple[str, ...], sign: bytes | None) -> Paint:
    begun = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable,
            [sys.executable, *words],
            {**os.environ, "TERM": "xterm-256color", "COLUMNS": "165", "LINES": "50"},
        )
    said = b""
    while sign is None or sign not in said:
        try:
            said += os.read(terminal, 65536)
        except OSError:  # the program closed its terminal: it is at its end
            if sign is not None:
                raise
            break
    wall = time.monotonic() - begun
    if sign is not None:
        cpu = sum(
            int(task.joinpath("schedstat").read_text().split()[0])
            for task in Path(f"/proc/{pid}/task").iterdir()
        )
        os.write(terminal, b"q")
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass  # see above
    os.close(terminal)
    _, _, used = os.wait4(pid, 0)
    if sign is None:
        return Paint(wall, used.ru_utime + used.ru_stime)
    return Paint(wall, cpu / 1e9)


if __name__ == "__main__":
    sys.exit(main())
