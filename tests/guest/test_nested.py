"""A containerd in a privileged Docker container, as in kind: its containers are told by name.

kind itself has a node image that only a registry has; this node is made of the guest's programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from agent.config import HostPaths
from agent.container.container import Container
from agent.container.discovery import Discovery
from tests.guest.inside import IN_GUEST, Runtime, pids_of
from tests.host.identity import cgroup_of, named
from tests.host.node import INNER, OWN_FILES, POD_CGROUP, POD_UID, Node

pytestmark = [*IN_GUEST]

_LEAVE_THE_ROOT = (
    # As kind's entrypoint: controllers go below a cgroup only when no process is right in it.
    "mkdir /sys/fs/cgroup/init; "
    "for pid in $(cat /sys/fs/cgroup/cgroup.procs); do "
    "echo $pid >/sys/fs/cgroup/init/cgroup.procs; done; "
)
_CHROOT = (
    "busybox mount --bind /sys/fs/cgroup /host/sys/fs/cgroup; "
    # The processes' numbers in the namespace that they are in.
    "busybox mount --bind /proc /host/proc; "
    "exec busybox chroot /host containerd --root /var/lib/inner --state /run/inner "
    "--address /run/inner.sock"
)
_PRIVILEGED = ("--privileged", "--cgroupns=private")


class Pod(NamedTuple):
    node: str
    """Id of the node."""
    node_pid: int
    image: str
    pid: int
    """Of the process in its one container."""


@pytest.fixture(scope="module")
def pod(docker: Runtime) -> Iterator[Pod]:
    argv = ("/bin/sh", "-c", f"{_LEAVE_THE_ROOT} exec containerd")
    outer = docker.start("node", argv, *_PRIVILEGED, *OWN_FILES)
    try:
        pid = docker.pid("node")
        image = Node(pid).run_pods()
        yield Pod(outer, pid, image, _pid_in(pid, POD_CGROUP))
    finally:
        docker.remove("node")


def test_a_pods_container_in_a_node_is_named(pod: Pod) -> None:
    _is_the_pods(named(HostPaths(), pod.pid), pod)


def test_without_a_process_it_is_named_through_the_nodes_own(pod: Pod) -> None:
    """As a sandbox of CRI-O's, which has none."""
    discovery = Discovery(HostPaths())
    outer = cgroup_of(pod.node_pid, above=1)
    discovery.container_of(outer, lambda: (pod.node_pid,))
    found = discovery.container_of(cgroup_of(pod.pid), lambda: ())
    assert found is not None
    _is_the_pods(found, pod)
    assert discovery.failures() == ()


def test_a_containerd_in_a_chroot_of_the_node(docker: Runtime) -> None:
    argv = ("/bin/sh", "-c", _LEAVE_THE_ROOT + _CHROOT)
    outer = docker.start("chrooted", argv, *_PRIVILEGED, "--volume=/:/host")
    try:
        pid = docker.pid("chrooted")
        image = Node(pid, "/run/inner.sock").run("default")
        container = named(HostPaths(), _pid_in(pid, f"/default/{INNER}"))
        assert (container.runtime, container.id, container.image) == ("containerd", INNER, image)
        assert container.nested_in == outer
    finally:
        docker.remove("chrooted")


def _pid_in(node: int, cgroup: str) -> int:
    """The process in a cgroup below the node's."""
    (pid,) = pids_of(f"{cgroup_of(node, above=1).path}{cgroup}")
    return pid


def _is_the_pods(container: Container, pod: Pod) -> None:
    assert (container.runtime, container.id, container.image) == ("containerd", INNER, pod.image)
    assert (container.container, container.pod, container.namespace) == ("app", "web-0", "shop")
    assert (container.pod_uid, container.qos) == (POD_UID, "burstable")
    assert container.nested_in == pod.node
