"""What watching filesystems costs: the tick, a look at a container, a walk, and its memory.

Containers are mountinfo files and directories on a real disk; nothing is waited for, so the pace
(2% of a core, 10,000 entries a second) is left out and only CPU time is told.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agent.config import FilesystemConfig, HostPaths
from agent.filesystem.target import Target
from agent.filesystem.walk import Budget, walk
from agent.filesystem.watcher import FilesystemWatcher

CONTAINERS = 1000
MOUNTS = 25
ENTRIES = 100_000


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def containers(root: Path) -> tuple[HostPaths, list[Target]]:
    found = os.stat(root)
    device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
    pseudo = "".join(
        f"{100 + n} 90 0:{n} / /proc/{n} ro - proc proc rw\n" for n in range(MOUNTS - 2)
    )
    targets = []
    texts = {1: f"22 1 {device} / / rw - ext4 /dev/disk rw\n"}
    for pid in range(1000, 1000 + CONTAINERS):
        layer, volume = root / f"{pid}", root / f"volumes/{pid}/_data"
        for directory in (layer, volume):
            directory.mkdir(parents=True)
            for name in range(10):
                (directory / f"{name}").touch()
        texts[pid] = (
            f"90 80 0:99 / / rw - overlay overlay rw,lowerdir=/l,upperdir={layer},workdir=/w\n"
            f"{pseudo}91 90 {device} {volume} /data rw - ext4 /dev/disk rw\n"
        )
        targets.append(Target(pid, pid, tuple, False, "", 0))
    for pid, text in texts.items():
        (root / f"proc/{pid}").mkdir(parents=True)
        (root / f"proc/{pid}/mountinfo").write_text(text)
    return HostPaths(proc=str(root / "proc")), targets


def main() -> None:
    """Print the table."""
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        paths, targets = containers(root)
        now = 0.0
        watcher = FilesystemWatcher(
            FilesystemConfig(entries_per_second=1e9), paths, clock=lambda: now
        )
        watcher.update(targets)
        before = resident()

        def everything() -> None:
            while watcher.step() == 0.0:
                pass

        first = cpu(everything)
        rows.append(
            (
                f"first look at {CONTAINERS} containers and their {2 * CONTAINERS} walks",
                f"{first * 1e6 / CONTAINERS:.0f} us each",
            )
        )
        now += 90
        look = cpu(everything)
        rows.append(("one look each minute, nothing written", f"{look * 1e6 / CONTAINERS:.0f} us"))
        rows.append(("", f"{look / 60 * 100:.2f}% of a core for {CONTAINERS}"))
        grown = (resident() - before) / CONTAINERS / 1024
        rows.append(("memory", f"{grown:.1f} KiB a container"))
        tick = cpu(lambda: [watcher.update(targets) for _ in range(100)]) / 100
        rows.append(("the sampler's part of a tick", f"{tick * 1e6 / CONTAINERS:.2f} us"))
        watcher.stop()

        many = root / "many"
        for directory in range(100):
            (many / f"{directory}").mkdir(parents=True)
            for number in range(ENTRIES // 100):
                (many / f"{directory}/{number}").touch()
        walked = cpu(lambda: walk(str(many), Budget(60, 1e9)))
        rows.append((f"a walk of {ENTRIES:,} entries", f"{walked * 1e6 / ENTRIES:.1f} us an entry"))
    for what, cost in rows:
        print(f"{what:60} {cost:>32}")


if __name__ == "__main__":
    main()
