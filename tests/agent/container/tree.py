"""A host's files below a temporary directory: what runtimes and the kernel leave, for tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runtimes"
ID = "d4d50b77118d3cfa4e9c27691c6ecd60695a0d247feed30b9140204ec54f2dce"
OTHER_ID = "7f540f6c12cb648de3414f1a55e90f46506764b9330552d0352fc7d582d34add"
TASKS = "/run/containerd/io.containerd.runtime.v2.task"
CREATED = 1_795_000_000.0
"""Unix seconds of every cgroup made here."""


def captured(name: str) -> bytes:
    """A captured file of tests/fixtures/runtimes."""
    return (FIXTURES / name).read_bytes()


class Tree:
    """Paths given to its methods are the host's own; they land below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inode = 100
        (root / "proc").mkdir()
        self.paths = HostPaths(root=str(root), proc=str(root / "proc"))

    def write(self, path: str, data: bytes | str) -> Path:
        """Put a file, replacing as runtimes do: written beside, renamed."""
        place = self.at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name("new~")
        new.write_bytes(data.encode() if isinstance(data, str) else data)
        new.replace(place)
        return place

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def cgroup(self, path: str) -> Cgroup:
        """A cgroup with an inode of its own."""
        self._inode += 1
        return Cgroup(self._inode, path, CREATED)

    def process(
        self,
        pid: int,
        ppid: int,
        argv: Sequence[str],
        *,
        cgroup: str = "/",
        cwd: str = "",
        start_ticks: int = 1000,
    ) -> None:
        """Files of /proc/PID. `cwd` is the path as the process sees it."""
        proc = self.root / "proc" / str(pid)
        proc.mkdir()
        comm = os.path.basename(argv[0])[:15] if argv else "gone"
        fields = " ".join(["0"] * 17)
        (proc / "stat").write_text(f"{pid} ({comm}) S {ppid} {fields} {start_ticks} 0 0\n")
        (proc / "comm").write_text(f"{comm}\n")
        (proc / "cmdline").write_text("".join(f"{word}\0" for word in argv))
        (proc / "cgroup").write_text(f"0::{cgroup}\n")
        if cwd:
            (proc / "cwd").symlink_to(cwd)

    def shim(self, pid: int, namespace: str, id_: str, tasks: str = TASKS) -> None:
        argv = ["/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", id_]
        argv += ["-address", "/run/containerd/containerd.sock"]
        self.process(pid, 1, argv, cwd=f"{tasks}/{namespace}/{id_}")

    def bundle(self, directory: str, config: bytes, *, pid: int | None = None) -> None:
        """A bundle with a captured or made config.json."""
        self.write(f"{directory}/config.json", config)
        if pid is not None:
            self.write(f"{directory}/init.pid", str(pid))

    def docker(self, id_: str = ID, root: str = "/var/lib/docker", **state: object) -> str:
        """Docker's record, from the captured one; returns its directory."""
        config = orjson.loads(captured("docker-config.v2.json"))
        name = state.pop("Name", "/rt-test")
        config |= {key: state.pop(key) for key in ("ImageManifest", "Driver") if key in state}
        log_path = f"{root}/containers/{id_}/{id_}-json.log"
        config |= {"ID": id_, "Name": name, "LogPath": log_path}
        config["State"] |= state
        directory = f"{root}/containers/{id_}"
        self.write(f"{directory}/hostconfig.json", captured("docker-hostconfig.json"))
        self.write(f"{directory}/config.v2.json", orjson.dumps(config))
        return directory

    def meta(self, name: str, root: str = "/var/lib/containerd") -> None:
        """A captured containerd database."""
        path = self.at(f"{root}/io.containerd.metadata.v1.bolt/meta.db")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIXTURES / name, path)


def oci(
    annotations: Mapping[str, str] | None = None,
    cgroups_path: str = "",
    mounts: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A config.json."""
    return orjson.dumps(
        {
            "annotations": dict(annotations or {}),
            "linux": {"cgroupsPath": cgroups_path},
            "mounts": [{"source": source, "destination": to} for source, to in mounts],
        }
    )
