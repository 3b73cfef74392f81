"""The probe on this kernel, through both loaders: counts in real containers, and what is left.

The workload is the container's own first process: `docker exec` would add runc's execs. It waits at
a fifo, so that the first reading is made when the container's start is over, and the second before
its end begins.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from agent.bpf.facts import Facts, gather
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.lifecycle_counts import KEY, VALUE, Event, LifecycleCounts
from agent.bpf.loader import open_probe
from agent.bpf.probe import Probe
from agent.bpf.probeset import LoaderName
from agent.bpf.reading import Reading
from agent.bpf.support import refuse_loader
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

MIB = 1024 * 1024
SECONDS = 30.0

EXECS_AND_EXITS = """
i=0; while [ $i -lt 23 ]; do /bin/busybox true; i=$((i+1)); done
i=0; while [ $i -lt 17 ]; do (exit 3); i=$((i+1)); done
"""
OOM_KILLS = 11
MEMORY_HOGS = f"i=0; while [ $i -lt {OOM_KILLS} ]; do /bin/busybox tail /dev/zero; i=$((i+1)); done"

# A main thread that ends because another thread calls exec is not an end of a process.
EXEC_IN_A_THREAD = """
import os, threading
threading.Thread(target=os.execv, args=("/bin/sh", ["sh", "-c", "exit 9"])).start()
threading.Event().wait()
"""
EXIT_IN_A_THREAD = """
import os, threading
threading.Thread(target=os._exit, args=(11,)).start()
threading.Event().wait()
"""


class Workload:
    """A container that waits, runs `body` once told to, and waits again."""

    def __init__(self, docker: DockerHost, name: str, shared: Path) -> None:
        self._docker = docker
        self.name = name
        self.shared = shared

    def start(self, body: str, memory: int | None, options: tuple[str, ...]) -> None:
        self.shared.mkdir()
        os.mkfifo(self.shared / "go")
        # Kept open both ways: neither end blocks in open(2).
        self._go = os.open(self.shared / "go", os.O_RDWR | os.O_CLOEXEC)
        script = (
            f"echo > /shared/ready; read go < /shared/go\n{body}\n"
            "echo > /shared/done; read go < /shared/go\n"
        )
        (self.shared / "script").write_text(script)
        handle = self._docker.run(
            self.name,
            ["/bin/sh", "/shared/script"],
            memory=memory,
            options=("--volume", f"{self.shared}:/shared", *options),
        )
        self.pid = handle.pid
        self.cgroup = cgroup_id(handle.pid)
        wait_until((self.shared / "ready").exists, SECONDS, f"the start of {self.name}")

    def do(self) -> None:
        os.write(self._go, b"\n")
        wait_until((self.shared / "done").exists, SECONDS, f"the work of {self.name}")

    def end(self) -> None:
        os.close(self._go)
        self._docker.remove(self.name)


StartWorkload = Callable[..., Workload]


@pytest.fixture
def start(docker_host: DockerHost, tmp_path: Path) -> Iterator[StartWorkload]:
    """Start a container: name, body of its script, and optionally memory in bytes and options."""
    started: list[Workload] = []

    def begin(
        name: str, body: str, memory: int | None = None, options: tuple[str, ...] = ()
    ) -> Workload:
        workload = Workload(docker_host, f"bpf-test-{name}", tmp_path / name)
        workload.start(body, memory, options)
        started.append(workload)
        return workload

    yield begin
    for workload in started:
        workload.end()


def cgroup_id(pid: int) -> int:
    """The inode of the process's cgroup2 directory."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    root = next(mount[1] for mount in mounts if mount[2] == "cgroup2")
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    path = next(line[3:] for line in lines if line.startswith("0::"))
    return os.stat(root + path).st_ino


def difference(
    cgroup: int, before: Reading[LifecycleCounts], after: Reading[LifecycleCounts]
) -> LifecycleCounts:
    old, new = before.of(cgroup), after.of(cgroup)
    assert old.execs is not None
    assert new.execs is not None
    assert old.oom_kills is not None
    assert new.oom_kills is not None
    return LifecycleCounts(
        execs=new.execs - old.execs,
        exits=_less(new.exits, old.exits),
        signals=_less(new.signals, old.signals),
        oom_kills=new.oom_kills - old.oom_kills,
    )


def lived(
    cgroup: int, before: Reading[LifecycleCounts], after: Reading[LifecycleCounts]
) -> tuple[int, float]:
    """How many processes ended, and the seconds they had lived together."""
    old, new = before.of(cgroup).lifetimes, after.of(cgroup).lifetimes
    assert old is not None
    assert new is not None
    return new.total - old.total, (new.ns - old.ns) / 1e9


def _less(new: Mapping[int, int] | None, old: Mapping[int, int] | None) -> dict[int, int]:
    assert new is not None
    assert old is not None
    return {code: n - old.get(code, 0) for code, n in new.items() if n != old.get(code, 0)}


def test_one_container_has_23_execs_and_17_exits_with_3_and_the_other_none(
    loader: LoaderName, start: StartWorkload
) -> None:
    with open_probe(LIFECYCLE, loader) as probe:
        assert (probe.loader, dict(probe.off), probe.reasons) == (loader, {}, ())
        busy = start(f"busy-{loader}", EXECS_AND_EXITS)
        idle = start(f"idle-{loader}", EXECS_AND_EXITS)
        assert busy.cgroup != idle.cgroup
        before = probe.read()
        busy.do()
        after = probe.read()
    assert difference(busy.cgroup, before, after) == LifecycleCounts(
        # /bin/busybox true ends with 0.
        execs=23,
        exits={3: 17, 0: 23},
        signals={},
        oom_kills=0,
    )
    assert difference(idle.cgroup, before, after) == LifecycleCounts(
        execs=0, exits={}, signals={}, oom_kills=0
    )
    processes, seconds = lived(busy.cgroup, before, after)
    assert processes == 23 + 17
    assert 0 < seconds < 40 * SECONDS
    assert lived(idle.cgroup, before, after) == (0, 0)
    assert after.dropped == {"counts": 0}
    assert "bcc" not in sys.modules


def test_11_oom_kills_are_counted_where_the_victims_were(
    loader: LoaderName, start: StartWorkload
) -> None:
    with open_probe(LIFECYCLE, loader) as probe:
        small = start(f"small-{loader}", MEMORY_HOGS, memory=16 * MIB)
        idle = start(f"idle-{loader}", "", memory=16 * MIB)
        before = probe.read()
        small.do()
        after = probe.read()
    assert difference(small.cgroup, before, after) == LifecycleCounts(
        execs=OOM_KILLS,
        exits={},
        signals={int(signal.SIGKILL): OOM_KILLS},
        oom_kills=OOM_KILLS,
    )
    assert difference(idle.cgroup, before, after).oom_kills == 0


def test_threads_are_not_processes(loader: LoaderName, start: StartWorkload) -> None:
    """The host's Python, as the container has none."""
    needed = [Path(path) for path in ("/usr/bin/python3", "/usr/lib", "/usr/lib64")]
    if missing := [str(path) for path in needed if not path.exists()]:
        pytest.skip(f"no {missing[0]} to lend to a container")
    workload = f"""
/usr/bin/python3 -I -c '{EXEC_IN_A_THREAD}'
/usr/bin/python3 -I -c '{EXIT_IN_A_THREAD}'
"""
    lent = [f"--volume={path}:ro" for path in ("/usr:/usr", "/usr/lib:/lib", "/usr/lib64:/lib64")]
    with open_probe(LIFECYCLE, loader) as probe:
        threads = start(f"threads-{loader}", workload, options=tuple(lent))
        before = probe.read()
        threads.do()
        after = probe.read()
    assert difference(threads.cgroup, before, after) == LifecycleCounts(
        execs=3, exits={9: 1, 11: 1}, signals={}, oom_kills=0
    )


def test_a_full_map_says_so_and_forgetting_the_dead_makes_room(loader: LoaderName) -> None:
    with open_probe(LIFECYCLE, loader) as probe:
        invented = fill(probe)
        assert probe.read().dropped == {"counts": 0}
        end_with(77)
        full = probe.read()
        # Other processes of the machine may have been dropped too.
        assert full.dropped["counts"] >= 1
        assert ended_with(77, full) == 0
        probe.forget(invented[1:])
        end_with(78)
        room = probe.read()
        assert ended_with(78, room) == 1
        assert room.cgroups.keys() & set(invented) == {invented[0]}
        assert room.of(invented[0]).exits == {1: 5}
        probe.forget([])
        probe.forget([invented[0], 12345])
        assert not probe.read().cgroups.keys() & set(invented)


def fill(probe: Probe[LifecycleCounts]) -> list[int]:
    """Put entries of cgroups that do not exist into the map until it is full. Return their ids."""
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    counts = probe._loaded.maps["counts"]
    ids: list[int] = []
    while True:
        cgroup = (1 << 40) + len(ids)
        key, value = KEY.pack(cgroup, Event.EXIT, 1), VALUE.pack(5)
        if library.bpf_map_update_elem(counts, key, value, ctypes.c_uint64(0)) < 0:
            return ids
        ids.append(cgroup)


def end_with(code: int) -> None:
    assert subprocess.run(["/bin/sh", "-c", f"exit {code}"]).returncode == code


def ended_with(code: int, reading: Reading[LifecycleCounts]) -> int:
    return sum((counts.exits or {}).get(code, 0) for counts in reading.cgroups.values())


@pytest.mark.usefixtures("no_descriptor_left")
def test_a_closed_probe_holds_nothing_and_cannot_be_read(loader: LoaderName) -> None:
    probe = open_probe(LIFECYCLE, loader)
    programs = probe.program_ids()
    assert set(programs) == {"on_exec", "on_exit", "on_oom"}
    probe.close()
    probe.close()
    with pytest.raises(ValueError, match="closed"):
        probe.read()
    wait_until(lambda: not loaded_programs(programs), 5, "the end of the programs")


def test_a_killed_holder_leaves_no_program(loader: LoaderName) -> None:
    code = f"""
import json, sys
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.loader import open_probe
probe = open_probe(LIFECYCLE, {loader!r})
print(json.dumps(probe.program_ids()), flush=True)
sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        try:
            assert holder.stdout is not None
            programs: dict[str, int] = json.loads(holder.stdout.readline())
            assert loaded_programs(programs) == set(programs)
        finally:
            holder.kill()
    wait_until(lambda: not loaded_programs(programs), 5, "the end of the programs")


def loaded_programs(programs: Mapping[str, int]) -> set[str]:
    """Which of them the kernel still has."""
    tool = gather([]).bpftool
    if tool is None:
        pytest.skip("bpftool is not installed")
    return {
        name
        for name, number in programs.items()
        if subprocess.run([tool, "prog", "show", "id", str(number)], capture_output=True).returncode
        == 0
    }


@pytest.mark.parametrize(
    ("capabilities", "reason"),
    [
        (("bpf", "perfmon"), ""),
        (("bpf",), "this process lacks CAP_PERFMON (or CAP_SYS_ADMIN)"),
        (("perfmon",), "this process lacks CAP_BPF (or CAP_SYS_ADMIN)"),
        ((), "this process lacks CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)"),
    ],
)
def test_two_capabilities_are_enough_without_being_root(
    loader: LoaderName, capabilities: tuple[str, ...], reason: str
) -> None:
    code = f"""
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.loader import ProbeUnavailable, open_probe
try:
    with open_probe(LIFECYCLE, {loader!r}) as probe:
        probe.read()
        print(dict(probe.off) or "")
except ProbeUnavailable as unavailable:
    print(unavailable.reason)
"""
    run = as_nobody(capabilities, code)
    assert (run.stdout.strip(), run.stderr) == (reason or "", "")


def test_rights_that_only_the_kernel_sees_missing_are_told_in_its_words(facts: Facts) -> None:
    """Facts say it works; the kernel says no. Seccomp and security modules look like this."""
    code = """
from dataclasses import replace
from agent.bpf.facts import gather
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.loader import ProbeUnavailable, open_probe
facts = gather(LIFECYCLE.programs.tracepoints)
try:
    open_probe(LIFECYCLE, "libbpf", replace(facts, capabilities=-1))
except ProbeUnavailable as unavailable:
    print(unavailable.reason)
"""
    if reason := refuse_loader(facts, "libbpf"):
        pytest.skip(reason)
    run = as_nobody((), code)
    assert run.stderr == ""
    assert "Operation not permitted" in run.stdout
    assert "failed to load object 'lifecycle'" in run.stdout, "libbpf's log is quoted"


def as_nobody(capabilities: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to become nobody")
    added = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    rights = [f"--inh-caps={added}", f"--ambient-caps={added}"]
    return subprocess.run(
        [*nobody, *rights, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
