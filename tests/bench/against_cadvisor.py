"""CPU and memory of the agent and of cAdvisor on the same containers, scraped alike.

    python -m tests.bench.against_cadvisor [--containers 60] [--seconds 120] [--json]
        [--housekeeping 1s]

Starts containers in the Docker that answers here (DOCKER_HOST), or in a private one where none
does, both programs beside each other, scrapes both every 5 s, and compares the CPU time and
resident memory of the two processes, and how many of cAdvisor's names are on each page. cAdvisor is
built from its Go module (cadvisor/main.go says how) into ~/.cache/container-agent/bench, once; its
metric set, and its look at every container each second, are its own defaults. The agent runs with
its default groups of metrics, without logs, probes and history on disk, which cAdvisor has not.

Targets: a tenth of its CPU, half of its memory, and at least as many of the names both know.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from exporters.prometheus import cadvisor
from exporters.prometheus.catalog import GROUPS, metrics_of
from tests.bench.containers import CannotRun, a_docker, running
from tests.bench.installed import installed_python
from tests.host.agent import agent_run
from tests.host.daemon import Daemon

VERSION = "v0.57.0"
"""The last release whose module has the manager and all handlers; later ones keep them in the
command, which the module proxy does not have."""
EVERY = 5.0
SETTLE = 30.0
"""Seconds after both show every container until they are compared."""
MOST_CPU, MOST_MEMORY = 1 / 10, 1 / 2
_SOURCE = Path(__file__).parent / "cadvisor" / "main.go"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two programs."""

    cpu_seconds: float
    """Over the whole run, start excluded."""
    resident: int
    """VmRSS in bytes at the end."""
    peak: int
    """VmHWM in bytes."""
    series: int
    names: frozenset[str]
    """Of cAdvisor's names, those on the page."""
    slowest: float
    """Seconds of the slowest scrape."""


def main() -> int:
    """Run the benchmark; 1 if a target is missed, 0 where it cannot run."""
    parser = argparse.ArgumentParser(description="The agent and cAdvisor on the same containers.")
    parser.add_argument("--containers", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--housekeeping", default="1s", help="cAdvisor's --housekeeping_interval")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        program = build()
        ours, theirs = compare(
            program, arguments.containers, arguments.seconds, arguments.housekeeping
        )
    except CannotRun as reason:
        print(f"not run: {reason}", file=sys.stderr)
        return 0
    cpu, memory = ours.cpu_seconds / theirs.cpu_seconds, ours.resident / theirs.resident
    both = theirs.names & {metric.name for metric in metrics_of(GROUPS)}
    missing = sorted(both - ours.names)
    met = cpu <= MOST_CPU and memory <= MOST_MEMORY and len(ours.names) >= len(both)
    if arguments.json:
        rows = {
            name: asdict(side) | {"names": len(side.names)}
            for name, side in (("agent", ours), ("cadvisor", theirs))
        }
        print(json.dumps(rows | {"cpu": cpu, "memory": memory, "missing": missing, "met": met}))
        return 0 if met else 1
    print(
        f"{arguments.containers} containers, scraped every {EVERY:.0f} s for "
        f"{arguments.seconds:.0f} s; cAdvisor {VERSION}, housekeeping {arguments.housekeeping}\n"
        "the agent as installed, default metrics, without probes, logs and history\n"
    )
    print(f"{'':10}{'CPU s':>8}{'% core':>8}{'RSS MB':>8}{'peak MB':>9}{'series':>8}{'names':>7}")
    for name, side in (("agent", ours), ("cAdvisor", theirs)):
        print(
            f"{name:10}{side.cpu_seconds:8.2f}{side.cpu_seconds / arguments.seconds:8.2%}"
            f"{side.resident / 1e6:8.1f}{side.peak / 1e6:9.1f}{side.series:8}{len(side.names):7}"
        )
    print(
        f"{'ratio':10}{cpu:8.2f}{'':8}{memory:8.2f}"
        f"\n\ntarget: CPU <= {MOST_CPU:.2f}, {_verdict(cpu <= MOST_CPU)} with {cpu:.3f}"
        f"\ntarget: memory <= {MOST_MEMORY:.2f}, {_verdict(memory <= MOST_MEMORY)}"
        f" with {memory:.2f}"
        f"\ntarget: names >= {len(both)} of its {len(theirs.names)} that both know, "
        f"{_verdict(len(ours.names) >= len(both))} with {len(ours.names)}"
    )
    if missing:
        print(f"on its page and not on ours: {', '.join(missing)}")
    return 0 if met else 1


def build() -> Path:
    """Build cAdvisor, if that was not done before. Raises CannotRun with the exact error."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "container-agent/bench"
    source = _SOURCE.read_text()
    directory = cache / f"cadvisor-{VERSION}"
    program = directory / "cadvisor"
    if program.exists() and (directory / "main.go").read_text() == source:
        return program
    if shutil.which("go") is None:
        raise CannotRun("go is not installed, to build cAdvisor")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "main.go").write_text(source)
    (directory / "go.mod").write_text(
        f"module bench\n\ngo 1.24.0\n\nrequire github.com/google/cadvisor {VERSION}\n"
    )
    for command in (("go", "mod", "tidy"), ("go", "build", "-o", str(program), ".")):
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            program.unlink(missing_ok=True)
            raise CannotRun(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")
    return program


def compare(program: Path, containers: int, seconds: float, housekeeping: str) -> tuple[Side, Side]:
    """(the agent, cAdvisor) after scraping both for so long."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        where = stack.enter_context(a_docker())
        stack.enter_context(running(containers))
        agent = stack.enter_context(
            agent_run(
                directory,
                *("probes.enabled=false", "logs.enabled=false", "history.enabled=false"),
                python=installed_python(directory),
            )
        )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        daemon = Daemon(
            [
                *(str(program), f"-listen={address}", f"-docker={where}"),
                f"-housekeeping_interval={housekeeping}",
            ],
            directory / "cadvisor.log",
        )
        stack.callback(daemon.stop)
        daemon.await_answer(lambda: _answers(address), 60)
        sides = (("agent", agent.address, agent.process.pid), ("it", address, daemon.process.pid))
        # Both have found every container and looked into it before the clock starts.
        for _, scraped, _ in sides:
            _wait_for(scraped, containers)
        time.sleep(SETTLE)
        before = [_cpu(pid) for _, _, pid in sides]
        pages, slowest = [b"", b""], [0.0, 0.0]
        start = time.monotonic()
        for beat in range(int(seconds / EVERY)):
            time.sleep(max(0.0, start + beat * EVERY - time.monotonic()))
            for index, (_, scraped, _) in enumerate(sides):
                begin = time.monotonic()
                pages[index] = _scrape(scraped)
                slowest[index] = max(slowest[index], time.monotonic() - begin)
        time.sleep(max(0.0, start + seconds - time.monotonic()))
        ours, theirs = (
            _side(pid, before[index], pages[index], slowest[index])
            for index, (_, _, pid) in enumerate(sides)
        )
        return ours, theirs


def _side(pid: int, cpu_before: float, page: bytes, slowest: float) -> Side:
    lines = [line for line in page.decode().splitlines() if not line.startswith("#")]
    names = {line.partition("{")[0].partition(" ")[0] for line in lines}
    memory = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Side(
        cpu_seconds=_cpu(pid) - cpu_before,
        resident=int(memory["VmRSS"].split()[0]) * 1024,
        peak=int(memory["VmHWM"].split()[0]) * 1024,
        series=len(lines),
        names=frozenset(names & cadvisor.NAMES),
        slowest=slowest,
    )


def _wait_for(address: str, containers: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        page = _scrape(address).decode()
        lines = [x for x in page.splitlines() if x.startswith("container_start_time_seconds{")]
        if sum("agent-bench-" in line for line in lines) >= containers:
            return
        time.sleep(1)
    raise CannotRun(f"{address} does not show {containers} containers")


def _scrape(address: str) -> bytes:
    request = urllib.request.Request(
        f"http://{address}/metrics", headers={"Accept-Encoding": "gzip"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        body: bytes = response.read()
        return gzip.decompress(body) if response.headers["Content-Encoding"] == "gzip" else body


def _answers(address: str) -> bool:
    try:
        _scrape(address)
    except OSError:
        return False
    return True


def _cpu(pid: int) -> float:
    """User and system seconds of a process and of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    sys.exit(main())
