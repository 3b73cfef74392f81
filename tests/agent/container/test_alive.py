"""agent/container/alive.py"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.config import HostPaths
from agent.container import alive
from agent.container.alive import has_cgroup

ID = "4c" * 32


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's tree, and a process in the namespace the kernel began with."""
    (tmp_path / "cgroup").mkdir()
    namespaces = tmp_path / "proc/self/ns"
    namespaces.mkdir(parents=True)
    (namespaces / "cgroup").touch()
    monkeypatch.setattr(alive, "_INITIAL", os.stat(namespaces / "cgroup").st_ino)
    mounted(tmp_path)
    return tmp_path


def mounted(host: Path, root: str = "/", place: str = "cgroup") -> None:
    line = f"30 23 0:26 {root} {host / place} rw - cgroup2 cgroup2 rw\n"
    (host / "proc/self/mountinfo").write_text(line)


def asked(host: Path, id_: str = ID, cgroup: str = "") -> bool | None:
    return has_cgroup(HostPaths(proc=str(host / "proc"), cgroup=cgroup), id_)


@pytest.mark.parametrize(
    "path",
    [
        f"docker/{ID}",
        f"system.slice/docker-{ID}.scope",
        f"kubepods.slice/kubepods-burstable.slice/pod1/cri-containerd-{ID}.scope",
        f"machine.slice/libpod-{ID}.scope/container",
    ],
)
def test_a_running_container_has_a_cgroup_of_its_name(host: Path, path: str) -> None:
    assert asked(host) is False
    (host / "cgroup" / path).mkdir(parents=True)
    assert asked(host) is True
    assert asked(host, "5d" * 32) is False


def test_a_part_of_the_tree_says_only_what_is_in_it(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alive, "_INITIAL", 0)  # in a namespace of its own
    assert asked(host) is None
    (host / f"cgroup/{ID}").mkdir()
    assert asked(host) is True
    mounted(host, "/../..")  # the host's, mounted for it
    assert asked(host, "5d" * 32) is False


def test_what_cannot_be_seen_is_not_known(host: Path) -> None:
    assert asked(host, cgroup="/elsewhere") is None
    mounted(host, place="missing")
    assert asked(host) is None
    (host / "proc/self/mountinfo").write_text("nonsense\n")
    assert asked(host) is None
    (host / "proc/self/mountinfo").unlink()
    assert asked(host) is None
