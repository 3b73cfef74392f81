"""The watcher on cgroups made by hand in this machine's cgroup2 hierarchy, as a pure v2 host."""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.bpf.cgroup_events import CgroupEvents
from agent.bpf.cgroups import CGROUPS
from agent.bpf.facts import gather
from agent.bpf.loader import open_probe
from agent.bpf.support import refuse_loader
from agent.cgroupfs.hierarchies import Hierarchies, NoCgroups
from agent.config import HostPaths
from agent.container.told import ContainerSource
from agent.inotify import Inotify
from agent.lifecycle import wakeups
from agent.lifecycle.events import Event, Health, Reason, Source, What
from agent.lifecycle.tally import Missed
from agent.lifecycle.tracked import Looker
from agent.lifecycle.watcher import Watcher
from agent.sampler import host_hierarchies
from agent.sources.docker_engine import Engine, parse_inspected
from tests.host.daemon import wait_until

pytestmark = pytest.mark.host

BURN = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3"


class Box:
    """A cgroup named as a container's: 64 hex digits and no more."""

    def __init__(self, parent: Path) -> None:
        self.id = secrets.token_hex(32)
        self.directory = parent / self.id
        self.directory.mkdir()

    def run(self, script: str) -> subprocess.Popen[bytes]:
        """Run a shell in it, as number 1 of a pid namespace of its own."""
        enter = f"echo $$ > {self.directory}/cgroup.procs; exec unshare --pid --fork "
        return subprocess.Popen(["sh", "-c", f"{enter} sh -c '{script}'"])


@pytest.fixture
def parent() -> Iterator[Path]:
    """A cgroup of this test's own."""
    try:
        unified = host_hierarchies(HostPaths()).unified
    except NoCgroups as reason:
        pytest.skip(str(reason))
    if unified is None or os.geteuid() != 0:
        pytest.skip("needs root and a cgroup2 mount")
    directory = Path(unified) / f"agent-test-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        directory.mkdir()
    except OSError as reason:
        pytest.skip(f"no cgroup can be made: {reason}")
    yield directory
    for path in (*directory.iterdir(), directory):
        if path.is_dir():
            # The last process of a namespace may still be on its way out.
            wait_until(lambda path=path: _removed(path), 10, f"{path} is empty")  # type: ignore[misc]


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


@pytest.fixture
def teller() -> Iterator[CgroupEvents]:
    """The kernel's probe. By bcc it tells the same: tests/agent/bpf/test_cgroups.py."""
    if reason := refuse_loader(gather(CGROUPS.programs.tracepoints), "libbpf"):
        pytest.skip(reason)
    with open_probe(CGROUPS, "libbpf") as probe:
        events = CgroupEvents(probe)
        yield events
        events.close()


@contextmanager
def watching(
    parent: Path,
    change: Callable[[Watcher], None] = lambda _: None,
    teller: CgroupEvents | None = None,
    engine: ContainerSource | None = None,
) -> Iterator[Story]:
    story = Story()
    hierarchies = Hierarchies(str(parent.parent))
    with Watcher(
        HostPaths(), hierarchies, story.events.append, realtime=False, teller=teller, engine=engine
    ) as watcher:
        change(watcher)
        thread = threading.Thread(target=watcher.run)
        thread.start()
        try:
            assert watcher.wait_ready(30)
            story.watcher = watcher
            yield story
        finally:
            watcher.stop()
            thread.join()


class Story:
    """What was said."""

    watcher: Watcher

    def __init__(self) -> None:
        self.events: list[Event] = []

    def of(self, box: Box) -> list[Event]:
        return [event for event in list(self.events) if event.container.id == box.id]

    def end(self, box: Box) -> Event:
        """The end of it; waits for it."""
        wait_until(lambda: bool(self._ends(box)), 20, f"the end of {box.id}")
        (end,) = self._ends(box)
        return end

    def _ends(self, box: Box) -> list[Event]:
        return [event for event in self.of(box) if event.what is What.EXITED]


def test_on_cgroup_v2_an_end_is_told_with_exit_code_and_cpu_time(parent: Path) -> None:
    with watching(parent) as story:
        box = Box(parent)
        box.run(BURN).wait()
        end = story.end(box).exit
    assert end is not None
    assert (end.code, end.reason) == (3, Reason.ERROR)
    assert end.counters is not None
    assert end.counters.cpu_usec
    assert end.final
    assert [event.what for event in story.of(box)] == [What.STARTED, What.EXITED]


def test_what_ran_before_is_found_and_its_end_told(parent: Path) -> None:
    box = Box(parent)
    process = box.run("exec sleep 100")
    try:
        procs = box.directory / "cgroup.procs"
        wait_until(lambda: len(procs.read_text().split()) == 2, 10, "the shell")
        with watching(parent) as story:
            first = procs.read_text().split()[-1]
            subprocess.run(["kill", "-KILL", first], check=True)
            end = story.end(box).exit
    finally:
        process.kill()
        process.wait()
    assert [event.what for event in story.of(box)] == [What.FOUND, What.EXITED]
    assert end is not None
    assert (end.code, end.signal) == (137, 9)


def test_a_cgroup_may_hold_one_container_after_the_other(parent: Path) -> None:
    with watching(parent) as story:
        box = Box(parent)
        box.run(BURN).wait()
        story.end(box)
        box.run(f"sleep 1; {BURN}").wait()
        wait_until(lambda: len(story._ends(box)) == 2, 20, "the second end")
    first, last = (event.exit for event in story.of(box) if event.what is What.EXITED)
    assert first is not None
    assert last is not None
    assert first.counters is not None
    assert last.counters is not None
    assert last.counters.cpu_usec is not None
    assert last.counters.cpu_usec < 2 * (first.counters.cpu_usec or 0)


def test_without_pidfds_the_emptying_of_the_cgroup_is_the_end(parent: Path) -> None:
    def no_pidfds(watcher: Watcher) -> None:
        watcher._looker.has_pidfds = False

    with watching(parent, no_pidfds) as story:
        box = Box(parent)
        box.run(f"sleep 0.3; {BURN}").wait()
        end = story.end(box).exit
        assert story.watcher.tally.missed[Missed.EXIT_CODE] == 1
    assert end is not None
    assert (end.code, end.reason) == (None, Reason.UNKNOWN)
    assert end.counters is not None
    assert end.final


class NoneLeft(Inotify):
    def __init__(self) -> None:
        raise OSError(24, "Too many open files")


def test_without_inotify_containers_are_found_by_polling(
    parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "Inotify", NoneLeft)
    with watching(parent) as story:
        assert story.watcher.levels().polling
        box = Box(parent)
        box.run(f"sleep 1.5; {BURN}").wait()
        end = story.end(box).exit
    assert end is not None
    assert end.code == 3


def test_without_inotify_the_probe_tells_each_however_short_it_lives(
    parent: Path, monkeypatch: pytest.MonkeyPatch, teller: CgroupEvents
) -> None:
    monkeypatch.setattr(wakeups, "Inotify", NoneLeft)
    with watching(parent, teller=teller) as story:
        levels = story.watcher.levels()
        assert (levels.probe, levels.polling) == (True, False)
        boxes = []
        for code in range(7):
            box = Box(parent)
            box.run(f"exit {code}").wait()
            wait_until(lambda box=box: _removed(box.directory), 10, "the cgroup is empty")  # type: ignore[misc]
            boxes.append(box)
        ends = [story.end(box).exit for box in boxes]
    assert [end and end.code for end in ends] == list(range(7))


def test_where_proc_does_not_tell_the_probe_does_and_is_named(
    parent: Path, monkeypatch: pytest.MonkeyPatch, teller: CgroupEvents
) -> None:
    monkeypatch.setattr(Looker, "status", lambda *_: None)
    with watching(parent, teller=teller) as story:
        held, unheld = Box(parent), Box(parent)
        held.run(f"sleep 0.3; {BURN}").wait()
        unheld.run("exit 5").wait()
        ends = [story.end(box).exit for box in (held, unheld)]
    assert [(end.code, end.source) for end in ends if end is not None] == [
        (3, Source.PROBE),
        (5, Source.PROBE),
    ]


def test_without_pidfds_the_probe_tells_the_code(parent: Path, teller: CgroupEvents) -> None:
    def no_pidfds(watcher: Watcher) -> None:
        watcher._looker.has_pidfds = False

    with watching(parent, no_pidfds, teller) as story:
        box = Box(parent)
        box.run(f"sleep 0.3; {BURN}").wait()
        end = story.end(box).exit
    assert end is not None
    assert (end.code, end.source, end.reason) == (3, Source.PROBE, Reason.ERROR)


class Api:
    """A runtime's API, and what it says."""

    def __init__(self) -> None:
        self.known: dict[str, Engine] = {}

    def get(self, id_: str) -> Engine | None:
        return self.known.get(id_)

    def say(self, id_: str, health: str) -> None:
        state = {"Running": True, "Health": {"Status": health}}
        self.known[id_] = parse_inspected({"Id": id_, "Name": "/patient", "State": state})


def test_health_that_an_api_tells_is_told_as_it_changes(parent: Path) -> None:
    api = Api()
    with watching(parent, engine=api) as story:
        box = Box(parent)
        api.say(box.id, "starting")
        process = box.run("sleep 1000")
        try:
            for health in (Health.HEALTHY, Health.UNHEALTHY):
                api.say(box.id, health.value)
                wait_until(
                    lambda health=health: health in [event.health for event in story.of(box)],  # type: ignore[misc]
                    20,
                    health.value,
                )
        finally:
            (box.directory / "cgroup.kill").write_text("1")
            process.wait()
    assert {event.container.name for event in story.of(box) if event.health} == {"patient"}


def test_a_container_in_a_container_has_events_of_its_own(parent: Path) -> None:
    outer = Box(parent)
    pods = outer.directory / "kubelet" / "kubepods"
    pods.mkdir(parents=True)
    init = outer.directory / "init"
    init.mkdir()
    enter = f"echo $$ > {init}/cgroup.procs; exec unshare --pid --fork sleep 1000"
    process = subprocess.Popen(["sh", "-c", enter])
    try:
        with watching(parent) as story:
            inner = Box(pods)
            inner.run(BURN).wait()
            end = story.end(inner).exit
            assert end is not None
            assert (end.code, end.final) == (3, True)
            wait_until(lambda: _removed(inner.directory), 10, "the inner one is empty")
            assert [event.what for event in story.of(inner)] == [What.STARTED, What.EXITED]
            assert {event.container.nested_in for event in story.of(inner)} == {outer.id}
            # Whoever makes directories in a container is not its end, and no start of another.
            assert What.EXITED not in [event.what for event in story.of(outer)]
    finally:
        (outer.directory / "cgroup.kill").write_text("1")
        process.wait()
        for directory in (pods, pods.parent, init):
            wait_until(lambda path=directory: _removed(path), 10, f"{directory} is empty")  # type: ignore[misc]


def test_it_stops_at_once() -> None:
    try:
        hierarchies = host_hierarchies(HostPaths())
    except NoCgroups as reason:
        pytest.skip(str(reason))
    with Watcher(HostPaths(), hierarchies, lambda _: None, realtime=False) as watcher:
        thread = threading.Thread(target=watcher.run)
        thread.start()
        watcher.wait_ready(30)
        before = time.monotonic()
        watcher.stop()
        thread.join()
    assert time.monotonic() - before < 5
