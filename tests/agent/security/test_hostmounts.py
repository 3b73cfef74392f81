from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.procfs.mountinfo import parse_mountinfo
from agent.security.host import by_device
from agent.security.hostmounts import (
    HostMount,
    declared_mounts,
    effective_mounts,
    merged,
    normal,
)
from tests.agent.security.samples import CONTAINER, Config, host_mounts, spec

DISK = by_device(host_mounts("30 25 0:25 / /run rw shared:5 - tmpfs tmpfs rw"))


def effective(*lines: str) -> tuple[HostMount, ...]:
    return effective_mounts(parse_mountinfo("\n".join(lines)), DISK, None, CONTAINER)


@pytest.mark.parametrize(
    "runtime", ["cri-containerd21-container", "cri-containerd21-sandbox", "podman", "ctr"]
)
def test_what_a_runtime_mounts_by_itself_is_not_the_hosts(runtime: str) -> None:
    assert declared_mounts(spec(runtime), CONTAINER) == ()


def test_of_dockers_mounts_only_the_bind_is_left() -> None:
    assert declared_mounts(spec(), CONTAINER) == (
        HostMount("/srv/app-data", "/data", writable=False, shared=False),
    )


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("/var/lib/kubelet/pods/0f1e/volumes/kubernetes.io~empty-dir/x", "/x"),
        ("/var/lib/kubelet/pods/0f1e/etc-hosts", "/etc/hosts"),
        ("/var/lib/docker/volumes/db/_data", "/var/lib/db"),
        ("/home/u/.local/share/containers/storage/volumes/db/_data", "/db"),
        ("/sys", "/sys"),
        ("/dev/shm", "/dev/shm"),
        ("/dev/null", "/dev/null"),
    ],
)
def test_volumes_and_default_devices_are_left_out(source: str, destination: str) -> None:
    def change(config: Config) -> None:
        config["mounts"] = [{"source": source, "destination": destination, "type": "bind"}]

    pod = replace(CONTAINER, pod_uid="0f1e")
    assert declared_mounts(spec("docker", change), pod) == ()


def test_another_pods_directory_is_not_left_out() -> None:
    def change(config: Config) -> None:
        config["mounts"] = [
            {"source": "/var/lib/kubelet/pods/0f1e", "destination": "/x", "type": "bind"}
        ]

    (mount,) = declared_mounts(spec("docker", change), replace(CONTAINER, pod_uid="77"))
    assert mount.source == "/var/lib/kubelet/pods/0f1e"


def test_a_directory_of_a_filesystem_is_told_by_where_the_host_has_it() -> None:
    assert effective(
        "40 39 254:0 /srv/x /data ro - ext4 /dev/vda rw",
        "41 39 0:25 / /x rw - tmpfs tmpfs rw",
        "42 39 0:25 /docker.sock /d.sock rw - tmpfs tmpfs rw",
    ) == (
        HostMount("/srv/x", "/data", writable=False, shared=False),
        HostMount("/run", "/x", writable=True, shared=False),
        HostMount("/run/docker.sock", "/d.sock", writable=True, shared=False),
    )


def test_what_only_the_container_has_is_not_the_hosts() -> None:
    assert (
        effective(
            "40 39 0:99 / / rw - overlay overlay rw",
            "41 40 0:98 / /dev rw - tmpfs tmpfs rw",
            "42 40 0:25 / /sys/fs/cgroup/x rw - cgroup2 cgroup2 rw",
        )
        == ()
    )


def test_a_mount_is_shared_only_with_its_peers_on_the_host() -> None:
    (inner,) = effective("40 39 0:25 /a /x rw shared:77 - tmpfs tmpfs rw")
    (outer,) = effective("40 39 0:25 /a /x rw shared:5 - tmpfs tmpfs rw")
    assert (inner.shared, outer.shared) == (False, True)


def test_the_nearest_mount_of_the_host_gives_the_path() -> None:
    host = by_device(host_mounts("30 25 254:0 /srv/data /mnt/data rw - ext4 /dev/vda rw"))
    own = parse_mountinfo("40 39 254:0 /srv/data/a /x rw - ext4 /dev/vda rw")
    (mount,) = effective_mounts(own, host, None, CONTAINER)
    assert mount.source == "/mnt/data/a"


def test_both_sources_make_one_mount_with_the_options_in_force() -> None:
    declared = HostMount("/run", "/x", writable=True, shared=False)
    seen = HostMount("/run", "/x", writable=False, shared=True)
    late = HostMount("/etc", "/etc2", writable=True, shared=False)
    assert merged([declared], [seen, late]) == (late, seen)


def test_what_comes_along_below_a_mount_is_not_told_again() -> None:
    whole = HostMount("/", "/host", writable=True, shared=False)
    below = HostMount("/run", "/host/run", writable=True, shared=False)
    other = HostMount("/etc", "/host/run2", writable=True, shared=False)
    assert merged([whole], [below, other]) == (whole, other)


@pytest.mark.parametrize(
    ("path", "written"),
    [("/var/run", "/run"), ("/var/run/x/", "/run/x"), ("/", "/"), ("/var/runner", "/var/runner")],
)
def test_var_run_is_run(path: str, written: str) -> None:
    assert normal(path) == written


names = st.sampled_from(["a", "b", "c", "docker.sock"])
paths = st.lists(names, max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(st.builds(HostMount, paths, paths, st.booleans(), st.booleans()), max_size=6))
def test_merging_loses_no_source_that_is_not_in_reach_otherwise(mounts: list[HostMount]) -> None:
    kept = merged(mounts, [])
    last = {mount.destination: mount for mount in mounts}
    for mount in last.values():
        assert mount.destination in {k.destination for k in kept} or any(
            f"{mount.source}/".startswith(f"{k.source.rstrip('/')}/") for k in kept
        )
