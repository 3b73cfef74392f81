"""agent.filesystem.host_files: which of the host's mounts a path is on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.config import HostPaths
from agent.filesystem.host_files import HostFiles
from agent.filesystem.statvfs import Asker
from agent.procfs.mountinfo import Mount


def _mount(number: int, point: str) -> Mount:
    return Mount(number, (8, number), "/", point, "ext4", "rw", "rw")


@pytest.fixture
def files() -> Iterator[HostFiles]:
    asker = Asker(5.0)
    try:
        made = HostFiles(HostPaths(), asker, remote=False)
        made.mounts = tuple(
            _mount(*each) for each in ((1, "/"), (2, "/var"), (3, "/var/lib"), (4, "/var"))
        )
        yield made
    finally:
        asker.close()


@pytest.mark.parametrize(
    ("path", "number"),
    [
        *(("/", 1), ("/etc/hosts", 1), ("/variety", 1)),
        *(("/var", 4), ("/var/log", 4), ("/var/lib", 3), ("/var/lib/docker/x", 3)),
    ],
)
def test_a_path_is_on_the_nearest_mount_above_it_the_later_of_two_at_one_place(
    files: HostFiles, path: str, number: int
) -> None:
    mount = files.mount_at(path)
    assert mount is not None
    assert mount.mount_id == number


def test_a_path_that_is_not_from_the_root_is_on_none(files: HostFiles) -> None:
    assert files.mount_at("4f0c/diff") is None


def test_where_nothing_is_mounted_there_is_none(files: HostFiles) -> None:
    files.mounts = ()
    assert files.mount_at("/etc/hosts") is None
