"""What the probes count is what bpftrace counts, by other tracepoints' ways into the kernel."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.loader import open_probe
from agent.bpf.probeset import LoaderName
from agent.bpf.syscalls import SYSCALL_TIMES
from tests.agent.bpf.talker import Talker
from tests.agent.bpf.test_high_rate import CALLS, FAILED, YIELDS
from tests.agent.bpf.test_lifecycle import difference
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

STARTS = 23
WORK = f"""
{CALLS}
for _ in range({STARTS}):
    child = os.fork()
    if not child:
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-IS", "-c", "raise SystemExit(3)"])
    os.waitpid(child, 0)
"""
NUMBERS = {"sched_yield": "24", "fsync": "74"}
"""Of x86_64."""
SCRIPT = """
BEGIN {{ printf("ready\\n"); }}
tracepoint:raw_syscalls:sys_exit /cgroup == {cgroup}/ {{
    @calls[args->id] = count();
    if (args->ret < 0) {{ @errors[args->id] = count(); }}
}}
tracepoint:sched:sched_process_exec /cgroup == {cgroup}/ {{ @execs = count(); }}
tracepoint:sched:sched_process_exit /cgroup == {cgroup} && pid == tid/ {{ @exits = count(); }}
"""

Counted = dict[str, dict[str, int] | int]


@pytest.fixture
def talker(docker_host: DockerHost, tmp_path: Path) -> Iterator[Talker]:
    talker = Talker(docker_host, "bpftrace", "none", tmp_path / "bpftrace")
    try:
        talker.do("import os")
        yield talker
    finally:
        talker.end()


@contextmanager
def bpftrace(cgroup: int, counted: Counted) -> Iterator[None]:
    """Have it look at one cgroup; fill `counted` at the end."""
    program = shutil.which("bpftrace")
    if program is None:
        pytest.skip("bpftrace is not installed")
    argv = [program, "-f", "json", "-e", SCRIPT.format(cgroup=cgroup)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
        assert watcher.stdout is not None
        try:
            for line in watcher.stdout:
                if b"ready" in line:
                    break
            else:
                assert watcher.stderr is not None
                pytest.skip(f"bpftrace does not run here: {watcher.stderr.read()!r}")
            yield
        finally:
            watcher.send_signal(signal.SIGINT)
            said, _ = watcher.communicate(timeout=30)
    for line in said.splitlines():
        if line.strip() and (record := orjson.loads(line))["type"] == "map":
            counted.update(record["data"])


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls are x86_64's")
def test_calls_errors_starts_and_ends_are_those_bpftrace_counts(
    loader: LoaderName, talker: Talker
) -> None:
    theirs: Counted = {}
    with open_probe(SYSCALL_TIMES, loader) as calls, open_probe(LIFECYCLE, loader) as lifecycle:
        with bpftrace(talker.cgroup, theirs):
            before = lifecycle.read()
            calls.attach()
            talker.do(WORK)
            calls.detach()
            after = lifecycle.read()
        ours = calls.read().of(talker.cgroup).calls
    their_calls, their_errors = theirs["@calls"], theirs["@errors"]
    assert isinstance(their_calls, dict)
    assert isinstance(their_errors, dict)
    for name, number in NUMBERS.items():
        assert ours[name].calls == their_calls[number]
        assert ours[name].errors == their_errors.get(number, 0)
    assert (ours["sched_yield"].calls, ours["fsync"].errors) == (YIELDS, FAILED)
    lived = difference(talker.cgroup, before, after)
    assert lived.exits is not None
    assert lived.execs == theirs["@execs"] == STARTS
    assert sum(lived.exits.values()) == theirs["@exits"]
    assert lived.exits[3] == STARTS
