"""Containers of a runtime in a container, when no shim and no conmon above them tells of it."""

from __future__ import annotations

import orjson
import pytest

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Kind
from agent.container.failures import Failures
from agent.container.nested import Nested
from tests.agent.container.asking import Asking, sure
from tests.agent.container.tree import ID, OTHER_ID, TASKS, Tree, captured, oci

NODE_PID = 22239
NODE = f"/proc/{NODE_PID}/root"
POD_UID = "599e16b6-1bf2-4a41-9d0c-7e2f00c0ffee"
CAPTURED_POD = "a37fa309-c17b-49f3-a084-5881a2637388"
CAPTURED_SANDBOX = "a6efff0e245595772eb1fc912b9ca15735fb923e69f55652ab790200734d2544"
CAPTURED_APP = "ed4264cf4dd354c596e42aeaa1446c378f000a0e3161c2ecb9ecacad3da2cc99"
MEMBER = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": "app",
    "io.kubernetes.cri.image-name": "registry.test/app:1",
    "io.kubernetes.cri.sandbox-name": "web-0",
    "io.kubernetes.cri.sandbox-namespace": "shop",
    "io.kubernetes.cri.sandbox-uid": POD_UID,
}


@pytest.fixture
def node(tree: Tree, ask: Asking) -> Cgroup:
    """A container of the host's Docker, which is known already."""
    tree.docker(OTHER_ID, Name="/node", Pid=NODE_PID)
    tree.process(NODE_PID, 1, ["/sbin/init"], cgroup=f"/docker/{OTHER_ID}")
    cgroup = tree.cgroup(f"/docker/{OTHER_ID}")
    assert sure(ask(cgroup, NODE_PID)).pid == NODE_PID
    return cgroup


@pytest.fixture
def inner(tree: Tree, node: Cgroup) -> Cgroup:
    """One without a process, of a pod in the node."""
    pod = f"{node.path}/kubelet/kubepods/burstable/pod{POD_UID}"
    return tree.cgroup(f"{pod}/{ID}")


def test_a_kinds_pod_is_named_through_the_nodes_root(
    tree: Tree, ask: Asking, inner: Cgroup
) -> None:
    tree.bundle(f"{NODE}{TASKS}/k8s.io/{ID}", oci(MEMBER))
    container = sure(ask(inner))
    assert (container.runtime, container.id) == ("containerd", ID)
    assert container.image == "registry.test/app:1"
    assert (container.container, container.pod, container.namespace) == ("app", "web-0", "shop")
    assert (container.pod_uid, container.nested_in) == (POD_UID, OTHER_ID)
    assert ask.discovery.answered() == {"docker": 1, "cri": 1}
    pod = sure(ask(tree.cgroup(inner.path.rpartition("/")[0])))
    assert (pod.pod, pod.namespace) == ("web-0", "shop")
    assert ask.discovery.failures() == ()


def test_image_id_and_labels_come_from_the_nodes_meta_db(
    tree: Tree, ask: Asking, node: Cgroup
) -> None:
    pod = f"{node.path}/kubelet/kubepods/burstable/pod{CAPTURED_POD}"
    for id_, name in ((CAPTURED_SANDBOX, "sandbox"), (CAPTURED_APP, "container")):
        config = captured(f"cri-containerd21-{name}-oci-config.json")
        tree.bundle(f"{NODE}{TASKS}/k8s.io/{id_}", config)
        work = tree.at(f"{NODE}{TASKS}/k8s.io/{id_}/work")
        work.symlink_to(f"/srv/ctd/io.containerd.runtime.v2.task/k8s.io/{id_}")
    tree.meta("containerd21-meta.db", root=f"{NODE}/data")
    tree.at(f"{NODE}/srv").mkdir()
    tree.at(f"{NODE}/srv/ctd").symlink_to("/data")
    app = sure(ask(tree.cgroup(f"{pod}/{CAPTURED_APP}")))
    assert (app.title, app.attempt, app.nested_in) == ("demo/web21/app", 0, OTHER_ID)
    assert app.image_id.startswith("sha256:552ee9")
    sandbox = sure(ask(tree.cgroup(f"{pod}/{CAPTURED_SANDBOX}")))
    assert (sandbox.kind, sandbox.labels["app"]) == (Kind.SANDBOX, "web21")
    assert ask.discovery.failures() == ()


def test_free_text_counts_as_the_nodes(tree: Tree, ask: Asking, node: Cgroup) -> None:
    tree.bundle(f"{NODE}{TASKS}/default/ctr-test", oci())
    assert ask(tree.cgroup(f"{node.path}/default/ctr-test")) is None


def test_docker_in_docker(tree: Tree, ask: Asking, node: Cgroup) -> None:
    tree.docker(ID, root=f"{NODE}/var/lib/docker", Name="/inner", Pid=7)
    inner = tree.cgroup(f"{node.path}/docker/{ID}")
    container = sure(ask(inner))
    assert (container.runtime, container.name, container.nested_in) == ("docker", "inner", OTHER_ID)
    assert container.pid is None, "7 is a number of the node's"


def test_a_bare_runtime_in_a_container(tree: Tree, ask: Asking, node: Cgroup) -> None:
    path = f"{node.path}/{ID}"
    state = {"id": ID, "init_process_pid": 7, "cgroup_paths": {"": f"/sys/fs/cgroup/{ID}"}}
    tree.write(f"{NODE}/run/runc/{ID}/state.json", orjson.dumps(state))
    tree.process(30, 1, ["sleep"], cgroup=path)
    container = sure(ask(tree.cgroup(path), 30))
    assert (container.runtime, container.id) == ("runc", ID)


def test_the_hosts_own_answer_comes_first(tree: Tree, ask: Asking, inner: Cgroup) -> None:
    """A container of the host's runtime that was given a cgroup in another's."""
    tree.bundle(f"{TASKS}/k8s.io/{ID}", oci(MEMBER | {"io.kubernetes.cri.sandbox-name": "hosts"}))
    tree.bundle(f"{NODE}{TASKS}/k8s.io/{ID}", oci(MEMBER))
    assert sure(ask(inner)).pod == "hosts"


def test_until_the_outer_container_is_known_only_the_path_tells(tree: Tree, ask: Asking) -> None:
    tree.bundle(f"{NODE}{TASKS}/k8s.io/{ID}", oci(MEMBER))
    outer = tree.cgroup(f"/docker/{OTHER_ID}")
    inner = tree.cgroup(f"{outer.path}/kubelet/kubepods/pod{POD_UID}/{ID}")
    assert sure(ask(inner)).source == "path"
    tree.docker(OTHER_ID, Name="/node", Pid=NODE_PID)
    ask(outer, NODE_PID)
    assert sure(ask(inner)).pod == "web-0"


def test_a_file_of_the_hosts_is_not_read_through_a_link(
    tree: Tree, ask: Asking, inner: Cgroup
) -> None:
    """Whoever owns the node could else have any JSON of the host's shown as labels."""
    secret = tree.write("/root/config.json", oci(MEMBER | {"io.kubernetes.cri.image-name": "no"}))
    bundle = tree.at(f"{NODE}{TASKS}/k8s.io/{ID}")
    bundle.mkdir(parents=True)
    (bundle / "config.json").symlink_to(secret)
    assert sure(ask(inner)).source == "path"


def test_a_node_whose_root_may_not_be_read_is_said(
    tree: Tree, ask: Asking, inner: Cgroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(root: str, path: str, *, follow: bool = True) -> int:
        raise PermissionError(13, "Permission denied", f"{root}/{path}")

    monkeypatch.setattr("agent.container.statefile.find_in_root", denied)
    assert sure(ask(inner)).source == "path"
    (said,) = ask.discovery.failures()
    assert said.startswith(f"{tree.root}{NODE}/")
    assert said.endswith("Permission denied")


def test_a_node_that_got_the_pid_of_an_earlier_one_is_looked_into_anew(tree: Tree) -> None:
    nested = Nested(tree.paths, Failures())
    earlier = nested._lookup(inode=1, pid=NODE_PID)
    assert nested._lookup(inode=1, pid=NODE_PID) is earlier
    assert nested._lookup(inode=2, pid=NODE_PID) is not earlier


def test_more_nodes_than_are_remembered(tree: Tree, ask: Asking) -> None:
    for number in range(40):
        outer, inner, pid = f"{number:064x}", f"{number + 1000:064x}", 500 + number
        tree.docker(outer, Pid=pid)
        tree.process(pid, 1, ["/sbin/init"], cgroup=f"/docker/{outer}")
        tree.docker(inner, root=f"/proc/{pid}/root/var/lib/docker", Name=f"/inner-{number}")
        ask(tree.cgroup(f"/docker/{outer}"), pid)
        assert sure(ask(tree.cgroup(f"/docker/{outer}/docker/{inner}"))).name == f"inner-{number}"
