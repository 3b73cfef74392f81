"""CPU time of one sweep over many cgroups, beside a C program that only reads the same files.

    python -m tests.bench.sweep [--cgroups 200] [--passes 20] [--details cpu,…] [--json]

Makes --cgroups empty cgroups of its own below agent-bench-PID in every hierarchy mounted here, and
removes them at the end, also after ^C. Where it may not, it makes a v2-like tree in a temporary
directory, and says so: plain files are cheaper to open and to read than the kernel's.

Three Python lines, each against the same C passes, taken in turn so that both see the same machine:

    unchanged   read() when no file changed since the last sweep: what an idle host costs
    changed     read() that parses every text and makes every reading anew: the most it can cost
    first       read() that opens every file too: once per cgroup

and the cost of a walk. The target is a ratio of 3 or less for "changed".
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from agent.cgroupfs.hierarchies import Hierarchies, NoCgroups, find_hierarchies
from agent.cgroupfs.kept import KeptFiles, _Open
from agent.cgroupfs.reading import Cgroup
from agent.cgroupfs.tree import CgroupTree
from agent.kernelfile import read
from agent.procfs.mountinfo import parse_mountinfo
from tests.fixtures.host_trees import V2, container_path, hierarchies

TARGET = 3.0


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds of CPU a sweep, medians over all passes."""

    tree: str
    cgroups: int
    files: int
    c_ms: float
    unchanged_ms: float
    changed_ms: float
    first_ms: float
    walk_ms: float

    @property
    def ratio(self) -> float:
        """What the target is about."""
        return self.changed_ms / self.c_ms


def main() -> int:
    """Run the benchmark; 1 if the target is missed."""
    arguments = argparse.ArgumentParser(description="CPU per sweep against a C reader.")
    arguments.add_argument("--cgroups", type=int, default=200)
    arguments.add_argument("--passes", type=int, default=20)
    arguments.add_argument(
        "--details", default="", help="metric groups whose own files are read too: cpu,process"
    )
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    with _cgroups(options.cgroups) as (tree, hierarchies):
        result = measure(tree, hierarchies, options.passes, options.details.split(","))
    if options.json:
        print(json.dumps(asdict(result) | {"ratio": result.ratio, "target": TARGET}))
    else:
        _print(result)
    return 0 if result.ratio <= TARGET else 1


def _open(kept: KeptFiles) -> tuple[_Open, _Open]:
    return kept._counters, kept._settings


def measure(name: str, mounted: Hierarchies, passes: int, details: Collection[str] = ()) -> Result:
    """Time sweeps over the cgroups below the benchmark's own directory."""
    changed, first, unchanged, walk, in_c = [], [], [], [], []
    with tempfile.TemporaryDirectory() as directory, CgroupTree(mounted, details=details) as tree:
        cgroups = [c for c in tree.walk() if c.path.startswith("/agent-bench-")]
        sweep_c = compile_c(Path(directory))
        _sweep(tree, cgroups)
        # Within their first seconds: settings, too, are read each time.
        paths = [
            file.path for kept in tree._kept.values() for part in _open(kept) for file in part.files
        ]
        for _ in range(passes):
            tree.retain(())
            first.append(_cpu(lambda: _sweep(tree, cgroups)))
            for kept in tree._kept.values():
                for part in _open(kept):
                    part.texts = [None] * len(part.texts)
            changed.append(_cpu(lambda: _sweep(tree, cgroups)))
            unchanged.append(_cpu(lambda: _sweep(tree, cgroups)))
            walk.append(_cpu(tree.walk))
            in_c.append(cpu_in_c(sweep_c, paths))
    return Result(
        tree=name,
        cgroups=len(cgroups),
        files=len(paths),
        c_ms=statistics.median(in_c),
        unchanged_ms=statistics.median(unchanged),
        changed_ms=statistics.median(changed),
        first_ms=statistics.median(first),
        walk_ms=statistics.median(walk),
    )


def _sweep(tree: CgroupTree, cgroups: list[Cgroup]) -> None:
    for cgroup in cgroups:
        if tree.read(cgroup) is None:
            raise RuntimeError(f"{cgroup.path} is gone")


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time_ns()
    work()
    return (time.process_time_ns() - start) / 1e6


def compile_c(directory: Path) -> Path:
    """Build the C program in `directory`."""
    binary = directory / "sweep"
    source = Path(__file__).with_suffix(".c")
    subprocess.run(["cc", "-O2", "-Wall", "-o", str(binary), str(source)], check=True)
    return binary


def cpu_in_c(sweep: Path, paths: list[str]) -> float:
    """Milliseconds of one pass after one that is thrown away, as Python's are warm too."""
    done = subprocess.run(
        [str(sweep), "2"], input="\n".join(paths), text=True, check=True, stdout=subprocess.PIPE
    )
    return int(done.stdout.split()[-1]) / 1e6


@contextlib.contextmanager
def _cgroups(count: int) -> Iterator[tuple[str, Hierarchies]]:
    """Make `count` cgroups, real ones if the host lets us; yield what they are and where."""
    name = f"agent-bench-{os.getpid()}"
    try:
        mounted = find_hierarchies(read("/proc/self/mountinfo", parse_mountinfo) or ())
        parents = [
            Path(mount, name)
            for mount in dict.fromkeys([*mounted.v1.values(), mounted.unified])
            if mount is not None
        ]
        with contextlib.ExitStack() as made:
            for parent in parents:
                made.callback(_remove, parent)
                _make(parent, count)
            yield f"{mounted.version} host", mounted
    except (NoCgroups, PermissionError, _ReadOnly) as error:
        print(f"no cgroups of our own here ({error}): plain files instead", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=_memory()) as directory:
            source = Path(hierarchies(V2).unified or "", container_path(V2).strip("/"))
            for index in range(count):
                shutil.copytree(source, Path(directory, name, f"{index:04}"))
            yield "plain files", Hierarchies(unified=directory)


class _ReadOnly(OSError):
    """The cgroup mounts are read-only, as they are in most containers."""


def _make(parent: Path, count: int) -> None:
    try:
        parent.mkdir()
    except OSError as error:
        if error.errno == errno.EROFS:
            raise _ReadOnly(*error.args) from None
        raise
    # On v2 the children get the controllers our own directory hands down.
    controllers = parent / "cgroup.controllers"
    if controllers.exists():
        for controller in controllers.read_text().split():
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")
    for index in range(count):
        (parent / f"{index:04}").mkdir()


def _remove(parent: Path) -> None:
    if parent.is_dir():
        for child in parent.iterdir():
            if child.is_dir():
                child.rmdir()
        parent.rmdir()


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _print(result: Result) -> None:
    print(f"{result.cgroups} cgroups, {result.files} files, {result.tree}; CPU per sweep\n")
    print(f"{'':24}{'ms':>8}{'us/cgroup':>12}{'ratio':>8}")
    for label, milliseconds in (
        ("C: open, read, close", result.c_ms),
        ("unchanged", result.unchanged_ms),
        ("changed", result.changed_ms),
        ("first", result.first_ms),
        ("walk", result.walk_ms),
    ):
        each = milliseconds / result.cgroups * 1000
        print(f"{label:24}{milliseconds:8.2f}{each:12.1f}{milliseconds / result.c_ms:8.2f}")
    verdict = "met" if result.ratio <= TARGET else "missed"
    print(f"\ntarget: changed / C <= {TARGET:.0f}, {verdict} with {result.ratio:.2f}")


def _end(signal_number: int, frame: FrameType | None) -> None:
    sys.exit(128 + signal_number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
