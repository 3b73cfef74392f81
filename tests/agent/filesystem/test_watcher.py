"""agent.filesystem.watcher: containers made of mountinfo files, on this machine's real disk."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent.config import FilesystemConfig, HostPaths
from agent.filesystem.target import Target
from agent.filesystem.usage import FilesystemReading, FilesystemUsage
from agent.filesystem.watcher import FilesystemWatcher
from tests.host.daemon import wait_until

MIB = 1024 * 1024
OVERLAY = "900 800 0:60 / / rw - overlay overlay rw,lowerdir=/l,upperdir={upper},workdir=/w\n"


class Host:
    """A /proc with what containers have mounted; directories are real and on one real disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        found = os.stat(directory)
        self.device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
        self.now = 1000.0
        self.paths = HostPaths(proc=str(directory / "proc"), sys_block=str(directory / "none"))
        # The whole disk is mounted at / as far as these containers are concerned.
        self.mounts(1, f"22 1 {self.device} / / rw - ext4 /dev/disk rw\n")
        self.targets: dict[int, Target] = {}
        self.watcher = FilesystemWatcher(
            FilesystemConfig(interval=60, full_interval=600),
            self.paths,
            clock=lambda: self.now,
            jitter=lambda: 1.0,
        )

    def mounts(self, pid: int, text: str) -> None:
        path = self.directory / "proc" / f"{pid}" / "mountinfo"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def container(
        self, inode: int, more: str = "", *, written: int | None = 0, log_path: str = ""
    ) -> Path:
        upper = self.directory / f"layer{inode}"
        upper.mkdir(exist_ok=True)
        self.mounts(inode, OVERLAY.format(upper=upper) + more)
        self.targets[inode] = Target(inode, inode, tuple, False, log_path, written)
        return upper

    def wrote(self, inode: int) -> None:
        target = self.targets[inode]
        self.targets[inode] = target._replace(written=(target.written or 0) + 1)

    def tick(self, seconds: float = 0.0) -> FilesystemReading:
        """Let time pass and everything that is due be done."""
        self.now += seconds
        self.watcher.update(self.targets.values())
        while self.watcher.step() == 0.0:
            pass
        return self.watcher.update(self.targets.values())

    def usage(self, inode: int, seconds: float = 0.0) -> FilesystemUsage:
        return self.tick(seconds).containers[inode]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def size(usage: FilesystemUsage) -> int:
    assert usage.layer is not None
    assert usage.layer.tree is not None
    assert usage.layer.tree.complete
    return usage.layer.tree.size


def test_a_new_container_is_measured_at_once(host: Host) -> None:
    (host.container(5) / "file").write_bytes(b"x" * MIB)
    usage = host.usage(5)
    assert MIB <= size(usage) <= MIB + 16384
    assert usage.layer is not None
    assert usage.layer.device == "/dev/disk"
    assert usage.layer.space is not None
    filled = os.statvfs(host.directory)
    assert usage.layer.space.capacity == filled.f_blocks * filled.f_frsize


def test_it_is_measured_again_after_it_wrote_and_not_before_the_interval(host: Host) -> None:
    upper = host.container(5)
    before = size(host.usage(5))
    (upper / "file").write_bytes(b"x" * MIB)
    host.wrote(5)
    assert size(host.usage(5, 30)) == before
    assert size(host.usage(5, 31)) >= before + MIB


def test_a_deletion_without_a_write_is_seen_after_the_full_interval(host: Host) -> None:
    upper = host.container(5)
    (upper / "file").write_bytes(b"x" * MIB)
    before = size(host.usage(5))
    (upper / "file").unlink()
    for _ in range(9):
        assert size(host.usage(5, 61)) == before
    assert host.watcher.walks()["complete"] == 1
    assert size(host.usage(5, 61)) == before - MIB


def test_where_nobody_counts_writes_each_look_measures(host: Host) -> None:
    upper = host.container(5, written=None)
    before = size(host.usage(5))
    (upper / "file").write_bytes(b"x" * MIB)
    assert size(host.usage(5, 61)) == before + MIB


def test_log_files_on_the_same_disk_are_counted_with_their_rotated_ones(host: Host) -> None:
    logs = host.directory / "logs"
    logs.mkdir()
    for name in ("a-json.log", "a-json.log.1", "b-json.log"):
        (logs / name).write_bytes(b"x" * 8192)
    host.container(5, log_path=str(logs / "a-json.log"))
    layer = host.usage(5).layer
    assert layer is not None
    assert layer.log_size == 16384


def test_a_container_that_is_gone_is_forgotten(host: Host) -> None:
    host.container(5)
    host.container(6)
    assert host.tick().containers.keys() == {5, 6}
    del host.targets[5]
    assert host.tick().containers.keys() == {6}
    assert host.tick(601).containers.keys() == {6}
    assert host.watcher.walks()["complete"] == 3


def test_a_container_without_a_process_has_no_numbers(host: Host) -> None:
    host.container(5)
    host.targets[5] = host.targets[5]._replace(pid=None)
    assert host.tick().containers == {}


def test_its_processes_are_asked_for_where_the_first_is_not_known(host: Host) -> None:
    host.container(5)
    host.targets[5] = host.targets[5]._replace(pid=None, pids=lambda: (5, 77))
    assert host.tick().containers.keys() == {5}


def test_a_docker_volume_is_walked_and_a_bind_mount_is_its_filesystem(host: Host) -> None:
    volume = host.directory / "docker/volumes/pg/_data"
    volume.mkdir(parents=True)
    (volume / "base").write_bytes(b"x" * MIB)
    bind = host.directory / "srv"
    bind.mkdir()
    host.container(
        5,
        f"905 900 {host.device} {volume} /data rw - ext4 /dev/disk rw\n"
        f"906 900 {host.device} {bind} /srv rw - ext4 /dev/disk rw\n"
        f"907 900 {host.device} {bind} /again rw - ext4 /dev/disk rw\n",
    )
    found = {volume.mount_point: volume for volume in host.usage(5).volumes}
    # /srv and /again are the same filesystem, which is told once.
    assert found.keys() == {"/data", "/srv"}
    assert (found["/data"].type, found["/data"].name) == ("docker", "pg")
    assert found["/data"].used == MIB + 4096
    assert (found["/srv"].type, found["/srv"].name) == ("bind", str(bind))
    assert found["/srv"].used == found["/srv"].space.used


def test_a_bind_mount_of_one_file_is_no_volume(host: Host) -> None:
    file = host.directory / "hosts"
    file.touch()
    host.container(5, f"905 900 {host.device} {file} /etc/hosts rw - ext4 /dev/disk rw\n")
    assert host.usage(5).volumes == ()


def test_a_bind_mount_of_one_file_is_asked_once_as_long_as_it_is_that_mount(host: Host) -> None:
    place = host.directory / "hosts"
    place.touch()
    mount = f"{{}} 900 {host.device} {place} /etc/hosts rw - ext4 /dev/disk rw\n"
    host.container(5, mount.format(905))
    host.tick()
    # A mount shows what it showed, whatever is put under that name since.
    place.unlink()
    place.mkdir()
    assert host.usage(5, 61).volumes == ()
    host.container(5, mount.format(906))
    assert [volume.mount_point for volume in host.usage(5, 61).volumes] == ["/etc/hosts"]


def test_a_mount_that_is_hidden_by_another_is_not_told_as_that_other(host: Host) -> None:
    host.container(5, "905 900 0:4242 / /proc-like rw - tmpfs tmpfs rw\n")
    (host.directory / "proc/5/root").symlink_to(host.directory)
    (host.directory / "proc-like").mkdir()
    assert host.usage(5).volumes == ()


def test_a_network_filesystem_is_left_alone_and_counted(host: Host) -> None:
    host.container(5, "905 900 0:70 / /nas rw - nfs4 nas:/export rw\n")
    host.mounts(
        1,
        f"22 1 {host.device} / / rw - ext4 /dev/disk rw\n"
        "23 22 0:70 / /mnt/nas rw - nfs4 nas:/export rw\n",
    )
    reading = host.tick()
    assert reading.containers[5].volumes == ()
    assert reading.host is not None
    assert [device.device for device in reading.host.devices] == ["/dev/disk"]
    assert host.watcher.left_alone() == {"network": 2, "hung": 0}


def test_the_hosts_filesystems_are_what_statvfs_says(host: Host) -> None:
    reading = host.tick()
    assert reading.host is not None
    (device,) = reading.host.devices
    filled = os.statvfs("/")
    assert device.space.capacity == filled.f_blocks * filled.f_frsize
    assert reading.failures == ()


def test_a_container_whose_mounts_cannot_be_read_drops_only_itself(host: Host) -> None:
    host.container(5)
    host.container(6)
    host.mounts(5, "this is no mountinfo\n")
    host.watcher.update(host.targets.values())
    host.watcher.step()
    first = host.watcher.update(host.targets.values())
    assert "this is no mountinfo" in " ".join(first.failures)
    assert host.tick().containers.keys() == {6}


def test_an_incomplete_volume_has_no_size_and_an_incomplete_layer_says_so(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.watcher = FilesystemWatcher(
        FilesystemConfig(walk_seconds=0.1, entries_per_second=100),
        host.paths,
        jitter=lambda: 1.0,
    )
    volume = tmp_path / "volumes/big/_data"
    volume.mkdir(parents=True)
    upper = host.container(5, f"905 900 {host.device} {volume} /data rw - ext4 /dev/disk rw\n")
    for number in range(600):
        (volume / f"{number}").touch()
        (upper / f"{number}").touch()
    usage = host.usage(5)
    assert usage.layer is not None
    assert usage.layer.tree is not None
    assert not usage.layer.tree.complete
    assert 0 < usage.layer.tree.inodes < 601
    assert usage.volumes[0].used is None
    assert host.watcher.walks() == {"complete": 0, "incomplete": 2, "failed": 0}


def test_its_thread_measures_a_container_that_appears_and_ends_at_once(host: Host) -> None:
    watcher = FilesystemWatcher(FilesystemConfig(), host.paths)
    watcher.start()
    try:
        watcher.update(())
        host.container(5)
        watcher.update(host.targets.values())
        wait_until(lambda: watcher.walks()["complete"] == 1, 10, "a walk")
        layer = watcher.update(host.targets.values()).containers[5].layer
        assert layer is not None
        assert layer.tree is not None
    finally:
        watcher.stop()


def test_stopping_does_not_wait_for_a_walk(host: Host) -> None:
    watcher = FilesystemWatcher(
        FilesystemConfig(walk_seconds=3600, entries_per_second=100), host.paths
    )
    upper = host.container(5)
    for number in range(2000):
        (upper / f"{number}").touch()
    watcher.update(host.targets.values())
    watcher.start()
    wait_until(lambda: 5 in watcher.update(host.targets.values()).containers, 10, "a look")
    watcher.stop()
    assert watcher.walks() == {"complete": 0, "incomplete": 0, "failed": 0}


def test_a_process_that_is_ending_is_no_failure() -> None:
    with subprocess.Popen(["true"]) as ending:
        stat = Path(f"/proc/{ending.pid}/stat")
        wait_until(lambda: ") Z " in stat.read_text(), 10, "a zombie")
        watcher = FilesystemWatcher(FilesystemConfig(), HostPaths())
        watcher.update([Target(5, ending.pid, tuple, False, "", None)])
        watcher.step()
        reading = watcher.update([Target(5, ending.pid, tuple, False, "", None)])
        watcher.stop()
    assert reading.containers == {}
    assert [text for text in reading.failures if f"{ending.pid}" in text] == []


def test_a_fault_in_one_step_does_not_end_the_watching(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = FilesystemWatcher(FilesystemConfig(interval=1), host.paths)
    host.container(5)
    asked = 0

    def pids() -> tuple[int, ...]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise RuntimeError("cannot be")
        return (5,)

    target = host.targets[5]._replace(pid=None, pids=pids)
    watcher.update([target])
    watcher.start()
    try:
        wait_until(lambda: 5 in watcher.update([target]).containers, 20, "it is measured")
    finally:
        watcher.stop()
    assert "cannot be" in caplog.text
    assert watcher.faults() == 1
