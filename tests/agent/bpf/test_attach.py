from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.bpf import attach
from agent.bpf.attach import cgroup2_root, parse_cgroup2

MOUNTS = """\
proc /proc proc rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup2 {own} cgroup2 rw 0 0
cgroup2 {host} cgroup2 ro 0 0
"""


def test_every_mount_of_the_hierarchy_is_found() -> None:
    text = MOUNTS.format(own="/sys/fs/cgroup", host="/a\\040place")
    assert parse_cgroup2(text) == ("/sys/fs/cgroup", "/a place")
    assert parse_cgroup2("") == parse_cgroup2("proc /proc\n") == ()


def test_the_root_is_the_kernels_and_not_a_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs attached to a container's own cgroup would see its packets alone."""
    own, host = tmp_path / "own", tmp_path / "host"
    own.mkdir()
    host.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(own=own, host=host))
    assert cgroup2_root(str(mounts)) is None
    monkeypatch.setattr(attach, "_ROOT", os.stat(host).st_ino)
    assert cgroup2_root(str(mounts)) == str(host)
