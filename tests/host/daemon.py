"""Daemons and directories that belong to one test session, and that leave nothing behind.

Everything a host fixture makes lives below one directory, /tmp/agent-test-PID-RANDOM (short: a
socket's path must fit 108 bytes), so that whatever has this path on its command line, in a mount
or in a cgroup is ours. `sweep` relies on that: it ends processes by their pid, unmounts, and
removes. It also takes what an earlier session left when that was killed, told by its PID.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

PATIENCE = float(os.environ.get("AGENT_TEST_PATIENCE", "1"))
"""How many times longer everything may take than on a machine: an emulated one is slow."""
_PREFIX = "agent-test-"
CGROUP_ROOT = Path("/sys/fs/cgroup")


class HostUnavailable(RuntimeError):
    """This machine cannot give what was asked for. The text is the reason of the skip."""


def need_root(*programs: str) -> None:
    """Raise `HostUnavailable` unless we are root and the programs are installed."""
    if os.geteuid() != 0:
        raise HostUnavailable("needs root")
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise HostUnavailable(f"not installed: {', '.join(missing)}")


def run(
    argv: Sequence[str],
    *,
    data: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    cwd: Path | None = None,
) -> str:
    """Run a program and return what it printed. A failure quotes the command and its stderr."""
    done = subprocess.run(
        argv,
        input=data,
        capture_output=True,
        env=environment,
        timeout=timeout * PATIENCE,
        cwd=cwd,
    )
    if done.returncode != 0:
        raise subprocess.SubprocessError(
            f"{' '.join(argv)}: status {done.returncode}: {done.stderr.decode().strip()}"
        )
    return done.stdout.decode()


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll `condition` until it holds. Raise TimeoutError, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds * PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


class Daemon:
    """One server process of ours, with its log in a file."""

    def __init__(
        self, argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(argv[0]).name
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=environment,
            )

    def await_answer(self, answers: Callable[[], bool], seconds: float = 15.0) -> None:
        """Return when `answers` does. Raise `HostUnavailable`, with the log's end, if never."""
        deadline = time.monotonic() + seconds * PATIENCE
        while not answers():
            status = self.process.poll()
            if status is not None or time.monotonic() > deadline:
                self.stop()
                how = f"exited with {status}" if status is not None else f"silent for {seconds:g} s"
                raise HostUnavailable(f"{self.name} {how}: {last_lines(self.log)}")
            time.sleep(0.02)

    def stop(self, seconds: float = 10.0) -> None:
        """SIGTERM, and SIGKILL if it has not ended by then."""
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def answers(argv: Sequence[str]) -> bool:
    """Whether a client command succeeds."""
    return subprocess.run(argv, capture_output=True, timeout=10 * PATIENCE).returncode == 0


def last_lines(log: Path, count: int = 3) -> str:
    return " | ".join(log.read_text(errors="replace").splitlines()[-count:]) or "(empty log)"


@contextlib.contextmanager
def session_directory() -> Iterator[Path]:
    """The one directory of this session. On leaving, all that came from it is swept."""
    for stale in Path("/tmp").glob(f"{_PREFIX}*-*"):
        pid = stale.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            sweep(stale)
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir="/tmp"))
    try:
        yield directory
    finally:
        sweep(directory)


def session_name(directory: Path) -> str:
    """agent-test-PID: the session's namespace in containerd, and so the name of its cgroup."""
    return directory.name.rpartition("-")[0]


def sweep(directory: Path) -> None:
    """
    End every process that has `directory` on its command line, and their containers; unmount and
    remove everything below it; remove their cgroups, runc's state and the shims' sockets.
    """
    cgroups: set[str] = set()
    for _ in range(50):
        pids = _processes_of(directory)
        if not pids:
            break
        for pid in pids:
            cgroups.update(_cgroups(pid))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for mount in _mounts_below(directory):
        subprocess.run(["umount", "--lazy", mount], capture_output=True)
    for cgroup in sorted(cgroups, reverse=True):
        remove_cgroup(cgroup)
    for name in (session_name(directory), f"{session_name(directory)}-kubelet"):
        remove_cgroup_tree(name)
    shutil.rmtree(Path("/run/containerd/runc", session_name(directory)), ignore_errors=True)
    for above in ("*", "*/*"):
        bundles = f"{above}/io.containerd.runtime.v2.task/*/*"
        for address in directory.glob(f"{bundles}/address"):
            Path(address.read_text().removeprefix("unix://")).unlink(missing_ok=True)
        for bootstrap in directory.glob(f"{bundles}/bootstrap.json"):
            address_2 = json.loads(bootstrap.read_text()).get("address", "")
            Path(address_2.removeprefix("unix://")).unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)


def remove_cgroup(path: str) -> None:
    """Remove the cgroup with this path below each mounted hierarchy, where nothing is in it."""
    name = path.strip("/")
    if not name or ".." in name.split("/"):
        return
    for hierarchy in (CGROUP_ROOT, *(entry for entry in CGROUP_ROOT.iterdir() if entry.is_dir())):
        with contextlib.suppress(OSError):  # not there, or in use: then it is not ours to remove
            (hierarchy / name).rmdir()


def cgroup_is_gone(path: str) -> bool:
    """Remove it as `remove_cgroup` does; whether it is in no hierarchy any more."""
    remove_cgroup(path)
    return not any((hierarchy / path.strip("/")).exists() for hierarchy in hierarchies())


def hierarchies() -> list[Path]:
    """The mounted cgroup hierarchies, each once."""
    if (CGROUP_ROOT / "cgroup.controllers").exists():
        return [CGROUP_ROOT]
    found = [entry for entry in CGROUP_ROOT.iterdir() if (entry / "cgroup.procs").exists()]
    return sorted({entry.resolve() for entry in found})


def remove_cgroup_tree(path: str) -> None:
    """Like `remove_cgroup`, with the cgroups below it, deepest first."""
    name = path.strip("/")
    if not name or ".." in name.split("/"):
        return
    for hierarchy in (CGROUP_ROOT, *(entry for entry in CGROUP_ROOT.iterdir() if entry.is_dir())):
        below = [Path(directory) for directory, _, _ in os.walk(hierarchy / name)]
        for directory in reversed(below):
            with contextlib.suppress(OSError):  # in use: then it is not ours to remove
                directory.rmdir()


def _processes_of(directory: Path) -> list[int]:
    """Processes with `directory` on the command line, and the children of those that hold
    containers (a shim, conmon): a container's own command line names no directory."""
    ours: list[int] = []
    parents: dict[int, int] = {}
    needle = os.fsencode(directory)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile
            parents[int(entry.name)] = int(
                (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
            )
            if needle in (entry / "cmdline").read_bytes():
                ours.append(int(entry.name))
    held = [pid for pid, parent in parents.items() if parent in ours and pid not in ours]
    # The held first and alone: a shim that still lives reaps what it held.
    return held or ours


def _cgroups(pid: int) -> set[str]:
    """The container cgroups a process is in: those with something like an id as their name."""
    try:
        text = Path("/proc", str(pid), "cgroup").read_text()
    except OSError:
        return set()
    paths = {line.split(":", 2)[2] for line in text.splitlines()}
    return {path for path in paths if re.search(r"/(docker|libpod_parent|agent-test-\d+)/.", path)}


def _mounts_below(directory: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split()[1] for line in lines]
    return sorted((point for point in points if point.startswith(f"{directory}/")), reverse=True)
