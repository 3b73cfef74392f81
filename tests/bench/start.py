"""What it costs to start: `agent --help` and its kin, beside a Python that does nothing.

    flock /tmp/bench.lock .venv/bin/python -m tests.bench.start [--rounds 11] [--json]

CPU is user and system time of the process, median; memory is the most that was resident. Targets of
`agent --help`: 100 ms of CPU and 16 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from statistics import median

MOST_MS = 100.0
MOST_MB = 16.0
CASES = {
    "python": None,
    "agent --help": ("--help",),
    "agent top --help": ("top", "--help"),
    "agent completion bash": ("completion", "bash"),
    "agent completion targets": ("completion", "targets"),
}
# Not ru_maxrss: that begins with what the parent had.
_PROGRAM = """
import sys
try:
    if sys.argv[1:]:
        from agent.cli.main import main
        main(sys.argv[1:])
finally:
    status = open("/proc/self/status").read()
    print(status.partition("VmHWM:")[2].split()[0], file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One command line."""

    cpu_ms: float
    resident_mb: float


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="What it costs to start.")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = {name: measure(words, arguments.rounds) for name, words in CASES.items()}
    asked = rows["agent --help"]
    met = asked.cpu_ms <= MOST_MS and asked.resident_mb <= MOST_MB
    if arguments.json:
        print(json.dumps({"rows": {n: asdict(row) for n, row in rows.items()}, "met": met}))
    else:
        for name, row in rows.items():
            print(f"{name:<26}{row.cpu_ms:>7.0f} ms{row.resident_mb:>7.1f} MB")
        print(f"\ntarget of agent --help: {MOST_MS:.0f} ms, {MOST_MB:.0f} MB: ", end="")
        print("met" if met else "missed")
    return 0 if met else 1


def measure(words: tuple[str, ...] | None, rounds: int) -> Row:
    """One command line, after one run that fills the caches."""
    costs = [_run(words or ()) for _ in range(rounds + 1)][1:]
    return Row(median(cpu for cpu, _ in costs) * 1000, max(memory for _, memory in costs) / 1e6)


def _run(words: tuple[str, ...]) -> tuple[float, int]:
    """(CPU seconds, most resident bytes) of one process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    with process.stderr as said:
        most = said.read().split()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return used.ru_utime + used.ru_stime, int(most[-1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
