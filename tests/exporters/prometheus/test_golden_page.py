"""The whole page of captured hosts: every metric there is, of cgroup files of real kernels and of
what real runtimes wrote down. UPDATE_GOLDEN=1 (make golden) rewrites it.

Left out is what is of the machine that runs the tests: its processor's layout and its ids. Hosts
that were captured without what their runtime knew get that of another container of that runtime.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.config import HostPaths
from agent.sampler import Sampler
from exporters.prometheus.catalog import GROUPS, metrics_of
from exporters.prometheus.encoder import Encoder
from tests.fixtures.host_trees import HOSTS, container_path
from tests.golden_file import assert_golden

RUNTIMES: Final = HOSTS.parent / "runtimes"
_TESTERS: Final = re.compile(r"machine_cpu_(physical_cores|sockets)\b|# .*machine_cpu_(ph|so)")
_NOW: Final = re.compile(r"^(container_last_seen\{.*\}) \S+$")
_SYSTEM: Final = re.compile(r'system_uuid="[^"]*"')


def _docker(root: Path, id_: str) -> None:
    """What dockerd keeps of a container."""
    text = (RUNTIMES / "docker-config.v2.json").read_text()
    (known,) = re.findall(r'"ID":"([0-9a-f]{64})"', text)
    target = root / "var/lib/docker/containers" / id_
    target.mkdir(parents=True)
    (target / "config.v2.json").write_text(text.replace(known, id_))
    shutil.copy(RUNTIMES / "docker-hostconfig.json", target / "hostconfig.json")


def _cri(root: Path, id_: str) -> None:
    """The bundle that containerd's CRI made of it."""
    target = root / "run/containerd/io.containerd.runtime.v2.task/k8s.io" / id_
    target.mkdir(parents=True)
    shutil.copy(RUNTIMES / "cri-containerd21-container-oci-config.json", target / "config.json")


def _captured(root: Path, _: str) -> None:
    """It was captured with the host."""
    assert any(root.rglob("*.json"))


@pytest.mark.parametrize(
    ("host", "give"),
    [
        ("v1-hybrid-docker", _docker),
        ("v2-cgroupfs", _cri),
        ("v2-systemd-docker", _captured),
        ("v2-systemd-podman", _captured),
    ],
)
def test_the_page_of_a_captured_host(
    host: str, give: Callable[[Path, str], None], tmp_path: Path
) -> None:
    paths = _copy(HOSTS / host, tmp_path)
    id_ = re.findall(r"[0-9a-f]{64}", container_path(HOSTS / host))[-1]
    give(tmp_path / "root", id_)
    with Sampler(paths, groups=tuple(group.name for group in GROUPS)) as reader:
        snapshot = reader.snapshot()
    assert [health for health in snapshot.health if health.failures] == []
    text = b"".join(Encoder(metrics_of(GROUPS)).encode(snapshot)).decode()
    names = {
        labels["name"]
        for family in text_string_to_metric_families(text)
        for _, labels, *_ in family.samples
        if id_ in labels.get("id", "")
    }
    assert len(names) == 1, "no series of the container, or a name and none"
    assert "" not in names
    assert_golden(f"page/{host}.txt", _settled(text))


def _copy(host: Path, target: Path) -> HostPaths:
    """A host's files where a test may add to them, as old as each other."""
    for name in ("cgroup", "proc", "root"):
        if (host / name).is_dir():
            shutil.copytree(host / name, target / name)
    (target / "root").mkdir(exist_ok=True)
    booted = int(re.findall(r"^btime (\d+)", (host / "proc/stat").read_text(), re.MULTILINE)[0])
    lines = []
    for number, mount in enumerate(sorted((target / "cgroup").iterdir())):
        kind = "cgroup2" if mount.name == "unified" else "cgroup"
        options = "rw" if mount.name == "unified" else f"rw,{mount.name}"
        lines.append(f"{number} 25 0:{number} / {mount} rw - {kind} none {options}\n")
    (target / "proc/self/mountinfo").write_text("".join(lines))
    for directory, _, files in os.walk(target / "cgroup"):
        for name in (directory, *(f"{directory}/{file}" for file in files)):
            os.utime(name, (booted + 3600, booted + 3600))
    (target / "block").mkdir()
    for numbers, device in (("7:0", "loop0"), ("254:0", "vda"), ("253:0", "vda"), ("8:0", "sda")):
        (target / "block" / numbers).symlink_to(f"../../devices/block/{device}")
    return HostPaths(
        root=str(target / "root"),
        proc=str(target / "proc"),
        sys_block=str(target / "block"),
        run=str(target / "root/run"),
    )


def _settled(text: str) -> str:
    kept = [line for line in text.splitlines() if not _TESTERS.match(line)]
    return "\n".join(_SYSTEM.sub('system_uuid=""', _NOW.sub(r"\1 0", line)) for line in kept) + "\n"
