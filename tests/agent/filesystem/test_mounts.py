"""agent.filesystem.mounts and volume_type: which mounts count, and what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.filesystem.mounts import (
    device_name,
    holds_files,
    host_devices,
    host_path,
    is_remote,
    root_mount,
    upper_directory,
    volume_mounts,
)
from agent.filesystem.volume_type import classify
from agent.procfs.mountinfo import Mount, parse_mountinfo

HOST = parse_mountinfo(
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
    "30 22 8:2 / /var/lib rw,relatime shared:2 - xfs /dev/sda2 rw\n"
    "31 22 0:22 / /run rw,nosuid shared:3 - tmpfs tmpfs rw,size=800000k\n"
    "32 22 0:50 / /mnt/nas rw shared:4 - nfs4 nas:/export rw,addr=10.0.0.2\n"
    "33 30 0:60 / /var/lib/docker/overlay2/aa/merged rw - overlay overlay rw,lowerdir=l/A\n"
    "34 30 0:61 / /var/lib/kubelet/pods/u1/volumes/kubernetes.io~secret/token rw - tmpfs tmpfs rw\n"
    "35 22 0:4 / /proc rw - proc proc rw\n"
)
CONTAINER = parse_mountinfo(
    "900 800 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/x/l/A:/x/l/B,"
    r"upperdir=/var/lib/docker/overlay2/a\040a/diff,workdir=/var/lib/docker/overlay2/aa/work"
    "\n"
    "901 900 0:70 / /proc rw - proc proc rw\n"
    "902 900 0:71 / /dev rw - tmpfs tmpfs rw,size=65536k\n"
    "903 902 0:72 / /dev/shm rw - tmpfs shm rw,size=65536k\n"
    "904 900 8:2 /docker/containers/aa/hosts /etc/hosts rw - xfs /dev/sda2 rw\n"
    "905 900 8:2 /docker/volumes/pg/_data /data rw - xfs /dev/sda2 rw\n"
    "906 901 0:73 / /proc/acpi ro - tmpfs tmpfs ro\n"
    "907 900 0:61 / /var/run/secrets ro - tmpfs tmpfs rw\n"
    "908 900 0:50 / /nas rw - nfs4 nas:/export rw\n"
)


def test_the_writable_layer_is_the_upper_directory_of_the_root() -> None:
    root = root_mount(CONTAINER)
    assert root is not None
    assert upper_directory(root) == "/var/lib/docker/overlay2/a a/diff"


def test_a_read_only_overlay_has_no_writable_layer() -> None:
    (mount,) = parse_mountinfo("1 1 0:60 / / ro - overlay overlay ro,lowerdir=/a:/b\n")
    assert upper_directory(mount) is None


def test_of_two_roots_the_last_is_on_top() -> None:
    mounts = parse_mountinfo("1 1 0:1 / / rw - rootfs none rw\n2 1 8:1 / / rw - ext4 /dev/a rw\n")
    root = root_mount(mounts)
    assert root is not None
    assert root.fs_type == "ext4"


def test_volumes_are_what_is_left_without_the_runtimes_own_mounts() -> None:
    # A bind of a single file, /etc/hosts, can only be told from the file itself.
    assert [mount.mount_point for mount in volume_mounts(CONTAINER)] == [
        "/dev/shm",
        "/etc/hosts",
        "/data",
        "/var/run/secrets",
        "/nas",
    ]


@pytest.mark.parametrize(
    ("mount_point", "path"),
    [
        ("/data", "/var/lib/docker/volumes/pg/_data"),
        ("/var/run/secrets", "/var/lib/kubelet/pods/u1/volumes/kubernetes.io~secret/token"),
        ("/nas", "/mnt/nas"),
        ("/dev/shm", None),
    ],
)
def test_a_mount_is_found_on_the_host(mount_point: str, path: str | None) -> None:
    mount = next(mount for mount in CONTAINER if mount.mount_point == mount_point)
    assert host_path(mount, HOST) == path


def test_a_directory_beside_a_bind_mounts_own_is_not_taken_for_it() -> None:
    host = parse_mountinfo("1 1 8:3 /data /srv rw - ext4 /dev/sda3 rw\n")
    assert host_path(mount_of("8:3", "/database"), host) is None
    assert host_path(mount_of("8:3", "/data/x"), host) == "/srv/x"
    assert host_path(mount_of("8:3", "/data"), host) == "/srv"


def mount_of(device: str, root: str) -> Mount:
    return parse_mountinfo(f"1 1 {device} {root} /m rw - ext4 /dev/x rw\n")[0]


def test_the_hosts_filesystems_are_each_there_once_without_containers() -> None:
    names = [name for name, _ in host_devices(HOST)]
    assert names == [
        "/dev/root",
        "/dev/sda2",
        "/run",
        "nas:/export",
        "/var/lib/kubelet/pods/u1/volumes/kubernetes.io~secret/token",
    ]


def test_of_two_filesystems_at_one_place_the_last_mounted_is_the_one() -> None:
    twice = parse_mountinfo(
        "25 22 0:23 / /dev/shm rw - tmpfs tmpfs rw\n30 25 0:27 / /dev/shm rw - tmpfs tmpfs rw\n"
    )
    ((label, mount),) = host_devices(twice)
    assert (label, mount.device) == ("/dev/shm", (0, 27))


def test_a_device_is_called_as_it_was_mounted_else_as_the_kernel_has_it() -> None:
    assert device_name((8, 2), HOST, "/dev/dm-0") == "/dev/sda2"
    assert device_name((8, 1), HOST, "/dev/vda1") == "/dev/vda1"
    assert device_name((0, 99), HOST, None) == ""


@pytest.mark.parametrize(
    "fs_type",
    ["nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuseblk", "ceph", "9p", "lustre"],
)
def test_a_filesystem_with_a_server_behind_it_is_remote(fs_type: str) -> None:
    assert is_remote(fs_type)
    assert holds_files(fs_type)


@pytest.mark.parametrize("fs_type", ["proc", "sysfs", "cgroup2", "devpts", "mqueue", "nsfs", "bpf"])
def test_a_pseudo_filesystem_holds_no_files(fs_type: str) -> None:
    assert not holds_files(fs_type)
    assert not is_remote(fs_type)


PODS = "/var/lib/kubelet/pods/0f1e/volumes/kubernetes.io~"


@pytest.mark.parametrize(
    ("source", "fs_type", "in_pod", "expected"),
    [
        (f"{PODS}empty-dir/cache", "ext4", True, ("emptyDir", "cache")),
        (f"{PODS}empty-dir/mem", "tmpfs", True, ("emptyDir", "mem")),
        (f"{PODS}csi/pvc-8a/mount", "ext4", True, ("pvc", "pvc-8a")),
        (f"{PODS}nfs/share", "nfs4", True, ("pvc", "share")),
        (f"{PODS}configmap/conf", "ext4", True, ("configMap", "conf")),
        (f"{PODS}secret/token", "tmpfs", True, ("secret", "token")),
        (f"{PODS}projected/kube-api-access-x", "tmpfs", True, ("projected", "kube-api-access-x")),
        ("/srv/k/pods/u/volume-subpaths/data/app/0", "ext4", True, ("subpath", "data")),
        ("/var/log", "ext4", True, ("hostPath", "/var/log")),
        ("/var/log", "ext4", False, ("bind", "/var/log")),
        ("/mnt/d/volumes/pg/_data", "xfs", False, ("docker", "pg")),
        ("/var/lib/containers/storage/volumes/pg/_data", "xfs", False, ("podman", "pg")),
        ("", "tmpfs", False, ("tmpfs", "")),
    ],
)
def test_the_place_on_the_host_tells_what_a_volume_is(
    source: str, fs_type: str, in_pod: bool, expected: tuple[str, str]
) -> None:
    assert tuple(classify(source, fs_type, in_pod=in_pod)) == expected


@given(st.text(), st.text(), st.booleans())
def test_any_path_gets_a_type(source: str, fs_type: str, in_pod: bool) -> None:
    assert classify(source, fs_type, in_pod=in_pod).type


paths = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4).map(lambda p: "/" + "/".join(p))


@given(paths, st.lists(st.tuples(paths, paths), max_size=4))
def test_a_host_path_ends_in_what_its_mount_does_not_show(
    root: str, mounted: list[tuple[str, str]]
) -> None:
    host = [Mount(1, (8, 1), of, at, "ext4", "rw", "rw") for of, at in mounted]
    found = host_path(Mount(2, (8, 1), root, "/m", "ext4", "rw", "rw"), host)
    covering = [of for of, _ in mounted if root == of or root.startswith(of.rstrip("/") + "/")]
    assert (found is None) == (not covering)
    if found is not None:
        longest = max(covering, key=len)
        assert found.endswith(root.removeprefix(longest.rstrip("/")).rstrip("/"))
