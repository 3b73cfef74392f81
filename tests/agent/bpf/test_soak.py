"""Containers run and removed by the hundred while all probes run: nothing grows, each has its own
counts, and what was not counted is told.

Twenty at a time. Each ends with a code of its own, starts as many programs that end with it as its
number says, and is refused as many connections. It is looked at after its end, while runc still
keeps its cgroup.

BPF_SOAK_CONTAINERS says how many, BPF_SOAK_SECONDS for how long they come: `make soak-bpf` takes
2,000 in ten minutes.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bpf.attach import cgroup2_root
from agent.bpf.counts import ProbeCounts
from agent.bpf.facts import Facts
from agent.bpf.lifecycle_counts import LifecycleCounts
from agent.bpf.reading import Hierarchy
from agent.bpf.registry import KINDS
from agent.bpf.rounds import Rounds, Settings
from agent.bpf.running import Probes, open_probes
from agent.bpf.support import refuse_loader
from agent.bpf.tcp_counts import TcpCounts
from tests.host.bare import BareHost
from tests.host.daemon import HostUnavailable, remove_cgroup

pytestmark = pytest.mark.host

CONTAINERS = int(os.environ.get("BPF_SOAK_CONTAINERS", "40"))
SECONDS = float(os.environ.get("BPF_SOAK_SECONDS", "0"))
AT_ONCE = 20
UNSEEN = {("block_io", "started"), ("block_io", "ends")}
"""Requests of which a program saw one end alone, which is told; no map was full for them."""
PARENT = f"agent-soak-{os.getpid()}"
FIRST_CODE = 100
MOST_OF_RUNC = 2
"""Programs of runc's own in a container: as many as it starts after it has moved there."""


class Soaked:
    """One container: what it is told to do, and what must be counted in it."""

    def __init__(self, number: int) -> None:
        self.name = f"{PARENT}-{number}"
        self.code = FIRST_CODE + number % 97
        self.programs = number % 7
        self.refused = number % 3

    @property
    def argv(self) -> tuple[str, ...]:
        program = f"/bin/sh -c 'exit {self.code}'\n" * self.programs
        connect = "/bin/nc -w 1 127.0.0.1 1\n" * self.refused
        return ("/bin/sh", "-c", f"{program}{connect}exit {self.code}")

    def check(self, counts: ProbeCounts) -> None:
        life, tcp = counts.get(LifecycleCounts), counts.get(TcpCounts)
        assert life is not None
        assert life.exits is not None
        assert life.execs is not None
        assert tcp is not None
        assert tcp.failures is not None
        of_runc = life.exits.get(0, 0)
        ends = {self.code: self.programs + 1, 1: self.refused, 0: of_runc}
        assert Counter(life.exits) == Counter(ends), self.name
        assert life.signals == {}, self.name
        own = 1 + self.programs + self.refused
        assert own <= life.execs <= own + MOST_OF_RUNC, self.name
        assert tcp.failures["refused"] == sum(tcp.failures.values()) == self.refused, self.name


@pytest.fixture
def host(facts: Facts, tmp_path: Path) -> Iterator[BareHost]:
    if reason := refuse_loader(facts, "libbpf"):
        pytest.skip(reason)
    try:
        host = BareHost(tmp_path / "soak", "runc")
    except HostUnavailable as unavailable:
        pytest.skip(str(unavailable))
    yield host
    host.remove(*(Soaked(number).name for number in range(CONTAINERS)))
    remove_cgroup(PARENT)
    shutil.rmtree(tmp_path / "soak")


def walk() -> dict[Hierarchy, dict[int, int]]:
    """Every cgroup there is now."""
    unified = cgroup2_root()
    assert unified is not None
    roots: dict[Hierarchy, str] = {"unified": unified, "blkio": unified}
    if Path("/sys/fs/cgroup/blkio").is_dir():
        roots["blkio"] = "/sys/fs/cgroup/blkio"
    return {
        hierarchy: {inode: inode for inode in map(inode_of, directories(root)) if inode}
        for hierarchy, root in roots.items()
    }


def directories(root: str) -> Iterator[str]:
    return (directory for directory, _, _ in os.walk(root))


def inode_of(directory: str) -> int:
    """0 where it has gone since."""
    try:
        return os.stat(directory).st_ino
    except FileNotFoundError:
        return 0


def entries(probes: Probes) -> set[int]:
    """Cgroups in the maps of all probes that know them by their ids in cgroup2."""
    unified = [probe for probe in probes.probes if probe.kind.hierarchy == "unified"]
    return set().union(*(probe.read().cgroups for probe in unified))


def descriptors() -> int:
    """Of this process."""
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    """KiB of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def run_batch(host: BareHost, root: str, batch: list[Soaked], probes: Probes) -> set[int]:
    """Run them side by side to their ends, look, remove them. Returns the ids of their cgroups."""
    processes = [host.attend(each.name, each.argv, f"/{PARENT}/{each.name}") for each in batch]
    for each, process in zip(batch, processes, strict=True):
        assert process.wait(60) == each.code, (each.name, host.said(each.name))
    reading = probes.read(walk())
    assert reading.failures == ()
    ids = {os.stat(f"{root}/{PARENT}/{each.name}").st_ino: each for each in batch}
    assert len(ids) == len(batch)
    for inode, each in ids.items():
        each.check(reading.cgroups[inode])
    host.remove(*(each.name for each in batch))
    return set(ids)


@pytest.mark.timeout(300 + 2 * SECONDS)
def test_containers_that_come_and_go_leave_nothing_and_have_only_their_own_counts(
    host: BareHost,
) -> None:
    root = cgroup2_root()
    probes = open_probes([kind for kind in KINDS if not kind.on_demand], "libbpf")
    rounds = Rounds(probes.probes, Settings(period=5.0, window=0.3, budget=2.0))
    stop = threading.Event()
    windows = threading.Thread(target=rounds.run, args=(stop,))
    try:
        assert root is not None
        assert [feature.reason for feature in probes.features() if feature.reason] == []
        windows.start()
        seen: set[int] = set()
        sizes: list[tuple[int, int, int]] = []
        began = time.monotonic()
        for first in range(0, CONTAINERS, AT_ONCE):
            batch = [Soaked(number) for number in range(first, min(first + AT_ONCE, CONTAINERS))]
            ids = run_batch(host, root, batch, probes)
            assert seen.isdisjoint(ids), "an id is never used again"
            seen |= ids
            # Once more after the walk that misses them, as what is not known yet may be new.
            probes.read(walk())
            probes.read(walk())
            left = entries(probes)
            assert seen.isdisjoint(left), "of those that are gone, nothing is left in any map"
            # Containers of others come and go meanwhile.
            sizes.append((len(left - set(walk()["unified"])), resident(), descriptors()))
            pace = began + SECONDS * (first + AT_ONCE) / CONTAINERS - time.monotonic()
            stop.wait(max(pace, 0))
        took = time.monotonic() - began
    finally:
        stop.set()
        if windows.is_alive():
            windows.join()
        lost, dropped = probes.unattributed, probes.dropped
        probes.close()
    first_size, last = sizes[min(1, len(sizes) - 1)], sizes[-1]
    print(
        f"{len(seen)} containers in {took:.0f} s; cgroups in maps and not there, KiB, descriptors:"
        f" {first_size} at first, {last} last; cgroups of others that no walk saw: {lost}; not"
        f" counted: "
        f"{ {key: count for key, count in dropped.items() if count} }"
    )
    full = {key: count for key, count in dropped.items() if key[1] and key not in UNSEEN}
    assert not any(full.values()), full
    assert last[0] <= first_size[0] + AT_ONCE
    assert last[1] <= first_size[1] + 2048
    # A window that is open holds a descriptor for each program.
    assert last[2] <= first_size[2] + 4
