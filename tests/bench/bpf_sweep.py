"""CPU time of one BPF walk of many cgroups, beside reading the same fields from kept files.

    python -m tests.bench.bpf_sweep [--cgroups 500] [--passes 20] [--json]

Makes --cgroups empty cgroups of its own in every hierarchy a walk reads (the cgroup2 mount; memory,
cpu and pids where they are on v1), and removes them at the end. Both sides give the same fields of
the same cgroups, in turns, and parse or decode what changed since the pass before:

    tick       as an idle host's tick: next to nothing changed
    changed    every text is parsed, every record decoded and converted

The target is a ratio of 20 or more for a tick.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.bpf.sweep import open_sweep
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.v1 import V1_ROWS
from agent.cgroupfs.v2 import V2_ROWS
from agent.config import HostPaths
from agent.sampler import host_hierarchies
from agent.sweep import HostSweep, v1_values, v2_values

TARGET = 20.0
_V1 = ("memory", "cpu", "pids")
_OWN = f"agent-bench-{os.getpid()}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cgroups", type=int, default=500)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    hierarchies = host_hierarchies(HostPaths())
    roots = list(dict.fromkeys(_roots(hierarchies)))
    with _cgroups(roots, arguments.cgroups), open_sweep(arguments.cgroups * 2) as sweep:
        files = _open(hierarchies, roots)
        wanted = len(files)
        source = HostSweep(hierarchies, sweep)
        asked = _asked(hierarchies, roots)
        times: dict[str, list[float]] = {}
        texts: dict[int, bytes] = {}
        for _ in range(arguments.passes):
            for kind in ("changed", "tick"):
                if kind == "changed":
                    texts.clear()
                    source.forget()
                times.setdefault(f"files {kind}", []).append(_cpu(lambda: _read(files, texts)))
                times.setdefault(f"walk {kind}", []).append(_cpu(lambda: _walk(source, asked)))
        for fd, _ in files:
            os.close(fd)
    medians = {name: statistics.median(taken) * 1000 for name, taken in times.items()}
    ratios = {
        kind: medians[f"files {kind}"] / medians[f"walk {kind}"] for kind in ("tick", "changed")
    }
    if arguments.json:
        result = {"cgroups": arguments.cgroups, "files": wanted, "milliseconds": medians}
        print(json.dumps(result | {"ratios": ratios, "target": TARGET}))
        return
    print(f"{arguments.cgroups} cgroups, {wanted} files; CPU of one pass, median")
    print("              files       walk     ratio")
    for kind in ("tick", "changed"):
        file_ms, walk_ms = medians[f"files {kind}"], medians[f"walk {kind}"]
        print(f"  {kind:<8}{file_ms:8.2f} ms{walk_ms:8.2f} ms{ratios[kind]:10.1f}")
    print(f"target of a tick: {TARGET:g} or more")


def _read(files: list[tuple[int, Callable[[str], object]]], texts: dict[int, bytes]) -> None:
    for fd, parse in files:
        text = os.pread(fd, 4096, 0)
        if texts.get(fd) != text:
            texts[fd] = text
            parse(text.decode())


def _walk(source: HostSweep, asked: list[tuple[str, int]]) -> None:
    source.walk()
    for controller, inode in asked:
        if controller:
            source.v1(controller, inode)
        else:
            source.v2(inode)


def _asked(hierarchies: Hierarchies, roots: list[str]) -> list[tuple[str, int]]:
    """(controller or "", inode) of every cgroup of every hierarchy."""
    controllers = {hierarchies.v1[name]: name for name in _V1 if name in hierarchies.v1}
    return [
        (controllers.get(root, ""), os.stat(directory).st_ino)
        for root in roots
        for directory, _, _ in os.walk(f"{root}/{_OWN}")
    ]


def _roots(hierarchies: Hierarchies) -> Iterator[str]:
    if hierarchies.unified is not None:
        yield hierarchies.unified
    yield from (hierarchies.v1[name] for name in _V1 if name in hierarchies.v1)


def _open(hierarchies: Hierarchies, roots: list[str]) -> list[tuple[int, Callable[[str], object]]]:
    """Every file below the roots that has a field a record has."""
    with open_sweep(4096) as sweep:
        every = {root: sweep.read(root) for root in roots}
    found: list[tuple[int, Callable[[str], object]]] = []
    for root, records in every.items():
        unified = root == hierarchies.unified
        # Our own alone: others may go meanwhile.
        for directory, _, _ in os.walk(f"{root}/{_OWN}"):
            record = records.get(os.stat(directory).st_ino)
            if record is None:
                continue
            names = (v2_values if unified else v1_values)(record)
            for row in V2_ROWS if unified else V1_ROWS:
                path = f"{directory}/{row.names[0]}"
                if row.names[0] in names and os.path.exists(path):
                    if not unified and hierarchies.v1.get(row.v1_controller) != root:
                        continue
                    found.append((os.open(path, os.O_RDONLY), row.parse))
    return found


def _cpu(do: Callable[[], object]) -> float:
    start = time.process_time()
    do()
    return time.process_time() - start


@contextmanager
def _cgroups(roots: list[str], count: int) -> Iterator[None]:
    parents = [f"{root}/{_OWN}" for root in roots]
    try:
        for parent in parents:
            Path(parent).mkdir()
            _enable(Path(parent))
            for number in range(count):
                Path(parent, str(number)).mkdir()
        yield
    finally:
        for parent in parents:
            for directory, _, _ in os.walk(parent, topdown=False):
                Path(directory).rmdir()


def _enable(parent: Path) -> None:
    """On the cgroup2 mount the children have the controllers their parent passes on."""
    if (parent / "cgroup.controllers").exists():
        controllers = (parent / "cgroup.controllers").read_text().split()
        passed = " ".join(f"+{name}" for name in controllers)
        (parent / "cgroup.subtree_control").write_text(passed)


if __name__ == "__main__":
    main()
