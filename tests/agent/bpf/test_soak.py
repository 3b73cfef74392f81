"""Cgroups made and removed by the hundred while all probes run: nothing grows, nothing is mixed up.

BPF_SOAK_CGROUPS says how many; `make soak-bpf` takes 2,000.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bpf.attach import parse_cgroup2
from agent.bpf.decode import LifecycleCounts
from agent.bpf.facts import Facts
from agent.bpf.registry import KINDS
from agent.bpf.running import Probes, open_probes
from agent.bpf.support import refuse_loader

pytestmark = pytest.mark.host

CGROUPS = int(os.environ.get("BPF_SOAK_CGROUPS", "120"))
AT_ONCE = 20
"""Cgroups that live at the same time."""
CODES = 7
"""A cgroup's process ends with its number modulo this."""


@pytest.fixture
def root(facts: Facts) -> Iterator[Path]:
    if reason := refuse_loader(facts, "libbpf"):
        pytest.skip(reason)
    mounts = parse_cgroup2(Path("/proc/self/mounts").read_text())
    directory = Path(mounts[0], f"agent-soak-{os.getpid()}")
    try:
        directory.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup may be made here: {error}")
    yield directory
    for child in directory.iterdir():
        if child.is_dir():
            child.rmdir()
    directory.rmdir()


def end_in(cgroup: Path, code: int) -> None:
    """Two processes in it: a shell that starts a program and ends with `code`."""
    script = f"echo $$ > {cgroup}/cgroup.procs; /bin/true; exit {code}"
    assert subprocess.run(["/bin/sh", "-c", script]).returncode == code


def look(probes: Probes, cgroups: list[Path]) -> dict[int, LifecycleCounts]:
    ids = {cgroup.stat().st_ino: cgroup.stat().st_ino for cgroup in cgroups}
    reading = probes.read({"unified": ids, "blkio": {}})
    assert reading.failures == ()
    found = {}
    for number in ids:
        counts = reading.cgroups[number].get(LifecycleCounts)
        assert counts is not None
        found[number] = counts
    return found


def entries(probes: Probes) -> int:
    """Cgroups in the maps of all probes."""
    return sum(len(probe.read().cgroups) for probe in probes.probes)


def resident() -> int:
    """KiB of this process."""
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return int(line.split()[1])


@pytest.mark.timeout(900)
def test_cgroups_that_come_and_go_leave_nothing_and_have_only_their_own_counts(
    root: Path,
) -> None:
    probes = open_probes([kind for kind in KINDS if kind.default and not kind.windowed], "libbpf")
    try:
        seen: set[int] = set()
        sizes: list[tuple[int, int, int]] = []
        for first in range(0, CGROUPS, AT_ONCE):
            cgroups = [root / f"{number % AT_ONCE}" for number in range(first, first + AT_ONCE)]
            for cgroup in cgroups:
                cgroup.mkdir()
            for number, cgroup in enumerate(cgroups, first):
                end_in(cgroup, number % CODES)
            found = look(probes, cgroups)
            # A path is used again and again, an id never.
            assert seen.isdisjoint(found)
            seen |= found.keys()
            for number, cgroup in enumerate(cgroups, first):
                counts = found[cgroup.stat().st_ino]
                code = number % CODES
                assert counts.execs == 1, "the program; the shell came before"
                assert counts.exits == ({0: 2} if code == 0 else {0: 1, code: 1})
                assert counts.signals == {}
            for cgroup in cgroups:
                cgroup.rmdir()
            # Once after the walk that misses them, as what is not known yet may be new.
            look(probes, [])
            sizes.append((entries(probes), resident(), len(os.listdir("/proc/self/fd"))))
        assert probes.unattributed == 0 or probes.unattributed < CGROUPS
        after_first, last = sizes[1], sizes[-1]
        assert not seen & {cgroup for probe in probes.probes for cgroup in probe.read().cgroups}, (
            "of those that are gone, nothing is left in any map"
        )
        assert last[0] <= after_first[0] + AT_ONCE
        assert last[1] <= after_first[1] + 2048
        assert last[2] == after_first[2]
        full = {key: n for key, n in probes.dropped.items() if key[1] == "counts"}
        assert all(n == 0 for n in full.values()), full
        print(f"{len(seen)} cgroups: entries, KiB, descriptors {after_first} at first, {last} last")
    finally:
        probes.close()
