"""A made-up host in memory: pods whose cgroups have the texts of a captured cgroup v2 host.

    pod                  /kubepods/burstable/pod<uid>
    its sandbox          …/<id>                          with a bundle that names it
    its two containers   …/<id>

Every fourth cgroup is a pod's own, as on a node. Files are plain ones on tmpfs: opening and reading
them is cheaper than the kernel's cgroup files, for us and for what we are compared with alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.config import HostPaths
from agent.container.container import Container, Kind
from tests.fixtures.host_trees import HYBRID, V2, container_path, hierarchies

BUSY = (
    *("cpu.stat", "memory.current", "memory.stat", "io.stat"),
    *("cpu.pressure", "memory.pressure", "io.pressure", "pids.current"),
)
"""Files that are different after a container did something."""


@dataclass(frozen=True, slots=True)
class SyntheticHost:
    """Where it is."""

    paths: HostPaths
    cgroups: tuple[Path, ...]
    """The directories of its pods, sandboxes and containers."""

    def work(self, seed: int) -> None:
        """Let every container do something: write new numbers into the files of BUSY."""
        numbers = random.Random(seed)
        for directory in self.cgroups:
            for name in BUSY:
                path = directory / name
                words = path.read_text().split(" ")
                path.write_text(" ".join(_grown(word, numbers) for word in words))


@contextmanager
def synthetic_host(count: int) -> Iterator[SyntheticHost]:
    """Make a host with `count` cgroups below /kubepods/burstable; remove it at the end."""
    with tempfile.TemporaryDirectory(dir=_memory()) as directory:
        root = Path(directory)
        template = Path(hierarchies(V2).unified or "", container_path(V2).strip("/"))
        burstable = root / "cgroup/kubepods/burstable"
        burstable.mkdir(parents=True)
        for above in (root / "cgroup", burstable.parent, burstable):
            for file in template.iterdir():
                if above != root / "cgroup" or file.name in ("cpu.stat", "memory.stat", "io.stat"):
                    shutil.copy(file, above)
        cgroups = [_cgroup(root, burstable, template, number) for number in range(count)]
        _proc(root)
        yield SyntheticHost(
            HostPaths(
                root=f"{root}/nothing",
                proc=f"{root}/proc",
                cgroup=f"{root}/cgroup",
                run=f"{root}/run",
                containerd=(),
                containerd_state=("/run/containerd",),
                docker=(),
                podman=(),
                pod_logs="/var/log/pods",
            ),
            tuple(cgroups),
        )


def container_labels(number: int) -> tuple[str, Container]:
    """Path and identity of the same host's cgroup as its systemd driver would name them."""
    pod, member = divmod(number, 4)
    uid, id_ = _uid(pod), _hex(f"{pod} {member}")
    slice_ = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable"
    path = f"{slice_}-pod{uid.replace('-', '_')}.slice"
    if not member:
        return path, Container(
            runtime="",
            id="",
            kind=Kind.POD,
            pod=_pod_name(pod),
            namespace=f"shop-{pod % 9}",
            pod_uid=uid,
        )
    return f"{path}/cri-containerd-{id_}.scope", Container(
        runtime="containerd",
        id=id_,
        kind=Kind.SANDBOX if member == 1 else Kind.CONTAINER,
        name=id_,
        container="" if member == 1 else f"app{member}",
        image=_image(pod),
        started=1.7e9,
        pod=_pod_name(pod),
        namespace=f"shop-{pod % 9}",
        pod_uid=uid,
    )


def _cgroup(root: Path, burstable: Path, template: Path, number: int) -> Path:
    pod, member = divmod(number, 4)
    uid = _uid(pod)
    directory = burstable / f"pod{uid}"
    if member:
        id_, sandbox = _hex(f"{pod} {member}"), _hex(f"{pod} 1")
        directory /= id_
        _bundle(root, id_, sandbox, pod, uid, "" if member == 1 else f"app{member}")
    shutil.copytree(template, directory)
    return directory


def _bundle(root: Path, id_: str, sandbox: str, pod: int, uid: str, name: str) -> None:
    """What containerd leaves of a container; `name` "" is the sandbox."""
    cri = "io.kubernetes.cri."
    annotations = {
        f"{cri}container-type": "container" if name else "sandbox",
        f"{cri}container-name": name,
        f"{cri}image-name" if name else f"{cri}podsandbox.image-name": _image(pod),
        f"{cri}sandbox-id": sandbox,
        f"{cri}sandbox-name": _pod_name(pod),
        f"{cri}sandbox-namespace": f"shop-{pod % 9}",
        f"{cri}sandbox-uid": uid,
    }
    bundle = root / "nothing/run/containerd/io.containerd.runtime.v2.task/k8s.io" / id_
    bundle.mkdir(parents=True)
    (bundle / "config.json").write_text(json.dumps({"annotations": annotations, "mounts": []}))


def _proc(root: Path) -> None:
    proc = root / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "pressure").mkdir()
    (proc / "1/net").mkdir(parents=True)
    (proc / "self/mountinfo").write_text(f"30 25 0:30 / {root}/cgroup rw - cgroup2 none rw\n")
    for name in ("stat", "meminfo"):
        shutil.copy(HYBRID / "proc" / name, proc / name)
    for name in ("cpu", "memory", "io"):
        (proc / "pressure" / name).write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")
    (proc / "1/net/dev").write_text("head\nhead\n  eth0: 5 1 0 0 0 0 0 0 6 2 0 0 0 0 0 0\n")


def _grown(word: str, numbers: random.Random) -> str:
    """A word of a kernel file, with a larger number in it where it is a count."""
    key, equals, value = word.rpartition("=")
    digits, newline, rest = value.partition("\n")
    if not digits.isdecimal() or (not equals and not newline):
        return word
    return f"{key}{equals}{int(digits) + numbers.randrange(1000)}{newline}{rest}"


def _uid(pod: int) -> str:
    digits = _hex(f"pod {pod}")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def _pod_name(pod: int) -> str:
    return f"service{pod % 20}-7d4b9c8f6d-{_hex(str(pod))[:5]}"


def _image(pod: int) -> str:
    return f"registry.example.com/shop/service{pod % 20}:v1.{pod % 7}.3"


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
