"""The demo's containers do what the demo says they do, by the kernel's own files.

All runtimes of this machine run it at the same time, each with names of its own; two readings are
taken, the second when every demo-exiter has come back; then everything is stopped. The tests are
claims about those readings.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.demo import DemoContainer, DemoError, start, stop
from agent.demo.cgroups import cgroup_directories
from agent.demo.deploy import RUNTIMES, make_runtime
from agent.demo.process import alive
from agent.demo.state import Places, read
from agent.demo.workloads import EXIT_STATUS, LINE, LINES_PER_SECOND
from tests.host.daemon import CGROUP_ROOT, HostUnavailable, need_root, run, wait_until
from tests.host.docker import DockerHost
from tests.host.podman import PodmanHost

pytestmark = [
    pytest.mark.host,
    pytest.mark.timeout(240),  # half a minute on an idle machine, two when others use it too
]


@dataclass
class Reading:
    """The counters of one runtime's demo at one moment."""

    at: float
    """Monotonic seconds."""
    memory: int
    oom_kills: int
    io_bytes: int
    lines: float
    """Lines demo-logger has written."""
    idle_usage: float


class Throttling(NamedTuple):
    """demo-throttled at one moment."""

    at: float
    usage: float
    """CPU seconds."""
    throttled: int


@dataclass
class Demo:
    """What one runtime's demo did."""

    places: Places
    options: tuple[str, ...]
    prefix: str
    containers: dict[str, DemoContainer]
    readings: list[Reading] = field(default_factory=list)
    throttling: list[Throttling] = field(default_factory=list)
    """All the time between the readings."""
    exit_status: int | None = None
    exiter_pids: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What was there after stop."""
    stopped: int = 0

    @property
    def first(self) -> Reading:
        return self.readings[0]

    @property
    def last(self) -> Reading:
        return self.readings[1]

    @property
    def seconds(self) -> float:
        return self.last.at - self.first.at

    def pid(self, name: str) -> int:
        pid = self.containers[name].pid
        assert pid is not None, f"{name} has no pid"
        return pid


@pytest.fixture(scope="module")
def demos(host_directory: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, Demo | str]]:
    """Runtime → its demo, or the reason why it cannot run here."""
    found: dict[str, Demo | str] = {}
    running: list[Demo] = []
    with pytest.MonkeyPatch.context() as patch:
        try:
            for runtime in RUNTIMES:
                made = _start(runtime, host_directory, request, patch)
                found[runtime] = made
                if isinstance(made, Demo):
                    running.append(made)
            _measure(running)
        finally:
            for demo in running:
                cgroups = [
                    directory
                    for one in demo.containers.values()
                    if one.pid is not None and Path("/proc", str(one.pid)).exists()
                    for directory in cgroup_directories(one.pid)
                ]
                demo.stopped = stop(demo.places)
                demo.left = _left(demo, cgroups)
        yield found


@pytest.fixture(params=RUNTIMES)
def demo(request: pytest.FixtureRequest, demos: dict[str, Demo | str]) -> Demo:
    made = demos[request.param]
    if isinstance(made, str):
        pytest.skip(f"{request.param}: {made}")
    return made


def test_every_container_runs_with_its_limits(demo: Demo) -> None:
    names = ["throttled", "memory", "oom", "io", "logger", "exiter", "idle"]
    assert list(demo.containers) == names
    notes = {name: one.note for name, one in demo.containers.items() if name != "logger"}
    assert set(notes.values()) == {""}


def test_throttled_is_throttled_to_its_fifth_of_a_core(demo: Demo) -> None:
    first, last = demo.throttling[0], demo.throttling[-1]
    assert (last.usage - first.usage) / (last.at - first.at) < 0.22
    rate = _fifth_of_a_core(demo)
    assert rate is not None, demo.throttling
    assert 2 < rate < 11, "of ten periods a second, most are throttled"


def test_memory_is_nearly_full_and_lives(demo: Demo) -> None:
    limit = 64 * 1024 * 1024
    assert 0.80 * limit <= demo.first.memory <= 0.98 * limit
    assert 0.80 * limit <= demo.last.memory <= 0.98 * limit


def test_oom_has_a_child_killed_again_and_again(demo: Demo) -> None:
    """One each 2 s, less what an attempt takes on a busy machine."""
    kills = demo.last.oom_kills - demo.first.oom_kills
    assert 0.1 * demo.seconds <= kills <= 0.6 * demo.seconds


def test_io_goes_to_the_disk_at_a_few_megabytes_a_second(demo: Demo) -> None:
    rate = (demo.last.io_bytes - demo.first.io_bytes) / demo.seconds
    assert 1_000_000 < rate < 8_000_000


def test_logger_writes_a_thousand_lines_a_second(demo: Demo) -> None:
    rate = (demo.last.lines - demo.first.lines) / demo.seconds
    # It sleeps between batches: never faster, and slower on a machine that is short of CPU.
    assert 0.7 * LINES_PER_SECOND < rate < 1.05 * LINES_PER_SECOND


def test_exiter_exits_with_its_status_and_comes_back(demo: Demo) -> None:
    assert demo.exit_status == EXIT_STATUS
    assert len(set(demo.exiter_pids)) == 2


def test_idle_uses_no_cpu(demo: Demo) -> None:
    assert demo.last.idle_usage - demo.first.idle_usage < 0.01


def test_stop_leaves_nothing(demo: Demo) -> None:
    assert demo.stopped == 7
    assert demo.left == []


def test_starting_again_replaces_and_a_strangers_container_is_left_alone(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    places = Places(tmp_path / "run", tmp_path / "data")
    options = ("--host", f"unix://{docker_host.socket}")
    try:
        (first,) = start("docker", ["idle"], prefix="again-", options=options, places=places)
        (second,) = start("docker", ["idle"], prefix="again-", options=options, places=places)
        assert first.id != second.id
        docker_host.run("foreign-idle", ["/bin/sleep", "1000"])
        with pytest.raises(DemoError, match="foreign-idle that is not this demo's"):
            start("docker", ["idle"], prefix="foreign-", options=options, places=places)
        assert stop(places) == 1
        assert docker_host.cli("ps", "--format", "{{.Names}}").split() == ["foreign-idle"]
    finally:
        stop(places)
        docker_host.remove("foreign-idle")


def test_a_lost_state_file_is_made_up_for_by_the_labels(
    docker_host: DockerHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(tmp_path / "run", tmp_path / "data")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{docker_host.socket}")
    start("docker", ["idle"], prefix="lost-", places=places)
    (places.run / "state.json").unlink()
    assert stop(places) == 1
    assert docker_host.cli("ps", "--all", "--format", "{{.Names}}").split() == []


def test_the_demo_starts_a_daemon_of_its_own_where_none_answers(
    host_directory: Path, docker_host: DockerHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    places = Places(host_directory / "own", host_directory / "own-data")
    try:
        with pytest.raises(DemoError, match=r"Cannot connect.*--start-daemon"):
            start("docker", ["idle"], places=places)
        (one,) = start(None, ["idle"], prefix="own-", start_daemon=True, places=places)
        assert one.runtime == "docker"
        assert (places.data / "docker/containers" / one.id / "config.v2.json").exists()
        own = read(places).daemons
        assert [alive(daemon) for daemon in own] == [True, True]
    finally:
        stopped = stop(places)
    assert stopped == 1
    assert [alive(daemon) for daemon in own] == [False, False]
    assert not places.run.exists()
    assert not places.data.exists()


_PRIVATE_UNIFIED = "mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup"
_IN_CRUN = """\
import sys
from pathlib import Path
from agent.demo import start, stop
from agent.demo.state import Places
places = Places(Path(sys.argv[1], "run"), Path(sys.argv[1], "data"))
try:
    for one in start("crun", ["throttled", "memory", "idle"], prefix=sys.argv[2], places=places,
                     options=["--root", sys.argv[1] + "/crun"]):
        print(one.name.removeprefix(sys.argv[2]), one.pid is not None, one.note, sep="|")
finally:
    print(stop(places))
"""


@pytest.mark.skipif(
    not (CGROUP_ROOT / "unified/cgroup.procs").exists(),
    reason="v1 controllers are not beside a cgroup2 mount: crun runs with limits, as the others do",
)
def test_where_no_limit_can_be_had_the_demo_says_so_and_burns_no_core(tmp_path: Path) -> None:
    """crun in a mount namespace of its own whose cgroup2 has no controllers."""
    try:
        need_root("crun", "unshare")
    except HostUnavailable as reason:
        pytest.skip(f"crun: {reason}")
    prefix = f"{tmp_path.parent.name}-crun-"
    inner = [sys.executable, "-c", _IN_CRUN, str(tmp_path), prefix]
    said = run(["unshare", "--mount", "/bin/sh", "-c", f'{_PRIVATE_UNIFIED} && "$@"', "sh", *inner])
    throttled, memory, idle, stopped = said.splitlines()
    assert throttled.startswith("throttled|False|not started, it would use a whole core: no limit")
    assert memory.startswith("memory|True|no limit here (crun: ")
    assert (idle, stopped) == ("idle|True|", "2")
    assert not list(CGROUP_ROOT.glob(f"*/{prefix}*"))


def _start(
    runtime: str, directory: Path, request: pytest.FixtureRequest, patch: pytest.MonkeyPatch
) -> Demo | str:
    """Start the demo in a runtime of this session's own."""
    places = Places(directory / f"demo-{runtime}", directory / f"demo-{runtime}-data")
    options: tuple[str, ...] = ()
    try:
        if runtime == "docker":
            docker: DockerHost = request.getfixturevalue("docker_host")
            options = ("--host", f"unix://{docker.socket}")
        elif runtime == "containerd":
            containerd = request.getfixturevalue("containerd_host")
            options = ("--address", str(containerd.socket), "--namespace", containerd.namespace)
        elif runtime == "podman":
            podman: PodmanHost = request.getfixturevalue("podman_host")
            options = ("--root", str(podman.root), "--runroot", str(podman.state))
            patch.setenv("CONTAINERS_CONF", str(podman.config))
        else:
            options = ("--root", str(directory / f"{runtime}-root"))
    except pytest.skip.Exception as skipped:
        return str(skipped)
    if reason := make_runtime(runtime, options, places).unusable():
        return reason
    prefix = f"{directory.name.split('-')[2]}-{runtime}-"
    containers = start(runtime, prefix=prefix, options=options, places=places)
    return Demo(places, options, prefix, {one.name.removeprefix(prefix): one for one in containers})


def _measure(demos: list[Demo]) -> None:
    for demo in demos:
        demo.exiter_pids.append(demo.pid("exiter"))
        wait_until(lambda demo=demo: _memory(demo) > 50 << 20, 10, "the memory is taken")  # type: ignore[misc]
        demo.readings.append(_read(demo))
    waiting = demos
    deadline = time.monotonic() + 40
    while waiting and time.monotonic() < deadline:  # what did not happen by then, the tests say
        waiting = [demo for demo in demos if not _progress(demo)]
    for demo in demos:
        demo.readings.append(_read(demo))


def _progress(demo: Demo) -> bool:
    """Look once more; whether there is nothing more to wait for."""
    pid = demo.pid("throttled")
    demo.throttling.append(
        Throttling(
            time.monotonic(),
            _cpu_seconds(pid),
            _keyed(pid, ("cpu", "cpu.stat"), "cpu.stat", "nr_throttled"),
        )
    )
    return _came_back(demo) and _fifth_of_a_core(demo) is not None


def _fifth_of_a_core(demo: Demo) -> float | None:
    """
    Throttled periods per second in a window of 2 s or more in which the container used its 0.2
    cores within 10%; None without one. A machine short of CPU gives it less for a while.
    """
    for i, begin in enumerate(demo.throttling):
        for end in demo.throttling[i + 1 :]:
            seconds = end.at - begin.at
            if seconds >= 2 and abs((end.usage - begin.usage) / seconds - 0.2) <= 0.02:
                return (end.throttled - begin.throttled) / seconds
    return None


def _came_back(demo: Demo) -> bool:
    """Whether the exiter has ended and runs again, with another pid."""
    one = demo.containers["exiter"]
    if demo.exit_status is not None:
        return True
    runtime = make_runtime(one.runtime, demo.options, demo.places)
    pid = runtime.pid(one.name)
    if pid is None or pid in demo.exiter_pids:
        return False
    demo.exiter_pids.append(pid)
    if one.runtime == "docker":
        died = ["--filter", "event=die", "--format", "{{.Actor.Attributes.exitCode}}"]
        # Docker cuts the end off to a whole second, and waits until then.
        until = ["--since", "60s", "--until", str(int(time.time()) + 1)]
    elif one.runtime == "podman":
        died = ["--filter", "event=died", "--format", "{{.ContainerExitCode}}"]
        until = ["--since", "60s", "--stream=false"]
    else:
        demo.exit_status = int((demo.places.run / one.runtime / f"{one.name}.status").read_text())
        return True
    client = [one.runtime, *demo.options, "events", "--filter", f"container={one.name}"]
    demo.exit_status = int(run([*client, *until, *died]).split()[-1])
    return True


def _read(demo: Demo) -> Reading:
    oom, io = demo.pid("oom"), demo.pid("io")
    return Reading(
        at=time.monotonic(),
        memory=_memory(demo),
        oom_kills=_keyed(oom, ("memory", "memory.oom_control"), "memory.events", "oom_kill"),
        io_bytes=_io_bytes(io),
        lines=_lines(demo),
        idle_usage=_cpu_seconds(demo.pid("idle")),
    )


def _lines(demo: Demo) -> float:
    """From the log file's last line, or, without a file, from what awk has written by now."""
    one = demo.containers["logger"]
    if one.runtime in ("docker", "podman"):
        key = "{{.LogPath}}" if one.runtime == "docker" else "{{.HostConfig.LogConfig.Path}}"
        inspect = ["container", "inspect", "--format", key, one.id]
        path = run([one.runtime, *demo.options, *inspect]).strip()
        numbers = re.findall(r"line (\d{10}) of the demo", Path(path).read_text())
        return float(numbers[-1]) if numbers else 0.0
    procs = _file(demo.pid("logger"), ("pids", "cgroup.procs"), "cgroup.procs").read_text()
    written = [0]
    for pid in procs.split():
        with contextlib.suppress(OSError):  # the sleep of this tick is over
            written.append(_number(Path("/proc", pid, "io").read_text(), "wchar:"))
    return max(written) / (len(LINE % 0) + 1)


def _memory(demo: Demo) -> int:
    file = _file(demo.pid("memory"), ("memory", "memory.usage_in_bytes"), "memory.current")
    return int(file.read_text())


def _cpu_seconds(pid: int) -> float:
    file = _file(pid, ("cpuacct", "cpuacct.usage"), "cpu.stat")
    if file.name == "cpuacct.usage":
        return int(file.read_text()) / 1e9
    return _number(file.read_text(), "usage_usec") / 1e6


def _io_bytes(pid: int) -> int:
    file = _file(pid, ("blkio", "blkio.throttle.io_service_bytes"), "io.stat")
    text = file.read_text()
    if file.name == "io.stat":
        return sum(int(number) for number in re.findall(r"[rw]bytes=(\d+)", text))
    return _number(text, "Total")


def _keyed(pid: int, v1: tuple[str, str], v2: str, key: str) -> int:
    return _number(_file(pid, v1, v2).read_text(), key)


def _number(text: str, key: str) -> int:
    """The number after `key` on its own line."""
    found = re.search(rf"^{key} (\d+)$", text, re.MULTILINE)
    assert found, f"no {key} in {text!r}"
    return int(found[1])


def _file(pid: int, v1: tuple[str, str], v2: str) -> Path:
    """A file of the process's cgroup: (controller, name) on a v1 host, the other on v2."""
    controller, name = v1
    for line in Path("/proc", str(pid), "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return CGROUP_ROOT / controller / path.strip("/") / name
    return CGROUP_ROOT / path.strip("/") / v2


def _left(demo: Demo, cgroups: list[Path]) -> list[str]:
    """What stop should have removed and did not."""
    mounts = Path("/proc/self/mounts").read_text()
    runtime = next(iter(demo.containers.values())).runtime
    left = [str(cgroup) for cgroup in cgroups if cgroup.exists()]
    left += [str(path) for path in (demo.places.run, demo.places.data) if path.exists()]
    left += make_runtime(runtime, demo.options, demo.places).owned_by(demo.places.owner)
    left += [path for path in (str(demo.places.run), str(demo.places.data)) if path in mounts]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                if demo.prefix in command:
                    left.append(command)
    return left
