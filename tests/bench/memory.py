"""Resident memory of `agent run` with probes off, and of its log worker, against their limits.

    .venv/bin/python tests/bench/memory.py [--seconds 20] [--json]

Starts the agent on a free port with a file destination in a temporary directory, scrapes it twice a
second, and reads VmRSS and VmHWM (the most it ever was) of both processes. The bare interpreter is
measured in the same run, so that what is ours can be told from what is Python's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.installed import compile_agent
from tests.host.agent import agent_run

LIMIT_MB = 60


def main() -> int:
    """Measure; return 1 when a process is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    compile_agent()
    with (
        tempfile.TemporaryDirectory() as directory,
        agent_run(Path(directory), "probes.enabled=false") as agent,
    ):
        end = time.monotonic() + arguments.seconds
        series = 0
        while time.monotonic() < end:
            text = agent.page().text
            series = sum(1 for line in text.splitlines() if not line.startswith("#"))
            time.sleep(0.5)
        (worker,) = _children(agent.process.pid)
        rows = {
            "bare interpreter": _bare(),
            "metrics process": _memory(agent.process.pid),
            "log worker": _memory(worker),
        }
    if arguments.json:
        print(json.dumps({"series": series, "limit_mb": LIMIT_MB, "rows": rows}))
    else:
        print(f"{series} series on the page, limit {LIMIT_MB} MB")
        print(f"{'':<18}{'RSS MB':>8}{'peak MB':>9}{'of limit':>10}")
        for name, (now, peak) in rows.items():
            print(f"{name:<18}{now:>8.1f}{peak:>9.1f}{peak / LIMIT_MB:>10.2f}")
    return int(any(peak > LIMIT_MB for _, peak in rows.values()))


def _memory(pid: int) -> tuple[float, float]:
    """(VmRSS, VmHWM) in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    now, peak = (int(fields[key].split()[0]) * 1024 / 1e6 for key in ("VmRSS", "VmHWM"))
    return now, peak


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def _bare() -> tuple[float, float]:
    program = "import sys; print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as bare:
        assert bare.stdin is not None
        assert bare.stdout is not None
        bare.stdout.readline()
        measured = _memory(bare.pid)
        bare.stdin.close()
    return measured


if __name__ == "__main__":
    sys.exit(main())
