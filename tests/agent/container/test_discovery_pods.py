"""Pods are discovered: Kubernetes on containerd and CRI-O, and Podman's containers."""

from __future__ import annotations

import os

import pytest

from agent.container.container import Kind
from tests.agent.container.asking import Asking, sure
from tests.agent.container.tree import ID, OTHER_ID, TASKS, Tree, captured, oci

POD_UID = "a37fa309-c17b-49f3-a084-5881a2637388"
SANDBOX = "a6efff0e245595772eb1fc912b9ca15735fb923e69f55652ab790200734d2544"
APP = "ed4264cf4dd354c596e42aeaa1446c378f000a0e3161c2ecb9ecacad3da2cc99"
POD_PATH = f"/kubepods/burstable/pod{POD_UID}"
PODMAN_ID = "39f3ae76f3cb187f4e7ec6be942550b4a38120f8d74defec6c5657123a55a596"


# --- Kubernetes on containerd


def _pod(tree: Tree, *, meta: bool = True) -> None:
    tree.shim(10, "k8s.io", SANDBOX)
    tree.process(11, 10, ["/pause"])
    tree.process(12, 10, ["sh"])
    for id_, name, pid in ((SANDBOX, "sandbox", 11), (APP, "container", 12)):
        config = captured(f"cri-containerd21-{name}-oci-config.json")
        tree.bundle(f"{TASKS}/k8s.io/{id_}", config, pid=pid)
    if meta:
        tree.meta("containerd21-meta.db")


def test_container_sandbox_and_pod_of_a_pod_are_named(tree: Tree, ask: Asking) -> None:
    _pod(tree)
    app = sure(ask(tree.cgroup(f"{POD_PATH}/{APP}"), 12))
    assert (app.runtime, app.kind, app.title) == ("containerd", Kind.CONTAINER, "demo/web21/app")
    assert (app.name, app.pid, app.attempt) == (APP, 12, 0)
    assert app.image_id.startswith("sha256:552ee9")
    sandbox = sure(ask(tree.cgroup(f"{POD_PATH}/{SANDBOX}"), 11))
    assert (sandbox.kind, sandbox.title) == (Kind.SANDBOX, "demo/web21")
    pod = sure(ask(tree.cgroup(POD_PATH)))
    assert (pod.runtime, pod.id, pod.kind) == ("", "", Kind.POD)
    assert (pod.title, pod.pod_uid, pod.complete) == ("demo/web21", POD_UID, True)
    assert pod.labels["app"] == "web21"
    assert ask.discovery.answered() == {"cri": 3}


def test_a_pod_and_its_members_carry_the_quality_of_service_and_the_node_around_them(
    tree: Tree, ask: Asking
) -> None:
    _pod(tree)
    node = f"/docker/{ID}/kubelet"
    app = sure(ask(tree.cgroup(f"{node}{POD_PATH}/{APP}"), 12))
    pod = sure(ask(tree.cgroup(f"{node}{POD_PATH}")))
    assert [(found.qos, found.nested_in) for found in (app, pod)] == [("burstable", ID)] * 2
    outside = sure(ask(tree.cgroup(f"{POD_PATH}/{APP}"), 12))
    assert (outside.qos, outside.nested_in) == ("burstable", "")
    tree.docker()
    docker = sure(ask(tree.cgroup(f"/docker/{ID}"), 22239))
    assert (docker.qos, docker.nested_in) == ("", "")


def test_a_pods_cgroup_is_named_once_a_member_is_known(tree: Tree, ask: Asking) -> None:
    pod_cgroup = tree.cgroup(POD_PATH)
    pod = sure(ask(pod_cgroup))
    assert (pod.pod_uid, pod.pod, pod.complete) == (POD_UID, "", False)
    _pod(tree)
    ask(tree.cgroup(f"{POD_PATH}/{APP}"), 12)
    assert sure(ask(pod_cgroup)).title == "demo/web21"


def test_without_processes_the_bundle_is_found_in_the_usual_place(tree: Tree, ask: Asking) -> None:
    _pod(tree)
    assert sure(ask(tree.cgroup(f"{POD_PATH}/{APP}"))).title == "demo/web21/app"


def test_without_meta_db_the_attempt_is_the_last_log(tree: Tree, ask: Asking) -> None:
    _pod(tree, meta=False)
    logs = f"/srv/runtime-fixtures0/cri/pods/demo_web21_{POD_UID}/app"
    for attempt in (0, 3):
        tree.write(f"{logs}/{attempt}.log", "")
    app = sure(ask(tree.cgroup(f"{POD_PATH}/{APP}"), 12))
    assert (app.attempt, app.log_path, app.log_format) == (3, f"{logs}/3.log", "cri")


def test_a_private_containerds_root_is_found_through_the_bundle(tree: Tree, ask: Asking) -> None:
    _pod(tree, meta=False)
    tree.meta("containerd21-meta.db", root="/srv/ctd")
    work = f"/srv/ctd/io.containerd.runtime.v2.task/k8s.io/{APP}"
    tree.at(f"{TASKS}/k8s.io/{APP}/work").symlink_to(work)
    assert sure(ask(tree.cgroup(f"{POD_PATH}/{APP}"), 12)).labels["app"] == "web21"


def test_a_member_that_cannot_be_read_still_belongs_to_its_pod(tree: Tree, ask: Asking) -> None:
    _pod(tree)
    ask(tree.cgroup(f"{POD_PATH}/{APP}"), 12)
    other = sure(ask(tree.cgroup(f"{POD_PATH}/{OTHER_ID}")))
    assert (other.name, other.title, other.source) == (OTHER_ID, "demo/web21", "path")


def test_a_damaged_meta_db_is_said_and_the_container_named_without(tree: Tree, ask: Asking) -> None:
    _pod(tree, meta=False)
    tree.write("/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db", b"\0" * 8192)
    assert sure(ask(tree.cgroup(f"{POD_PATH}/{APP}"), 12)).title == "demo/web21/app"
    (message,) = ask.discovery.failures()
    assert message.endswith("meta.db: not a BoltDB file")


def test_a_container_keeps_its_name_when_its_bundle_goes_first(tree: Tree, ask: Asking) -> None:
    tree.shim(10, "default", "web")
    tree.process(11, 10, ["sleep"])
    tree.bundle(f"{TASKS}/default/web", oci(cgroups_path="/default/web"))
    cgroup = tree.cgroup("/default/web")
    assert sure(ask(cgroup, 11)).name == "web"
    tree.at(f"{TASKS}/default/web/config.json").unlink()
    assert sure(ask(cgroup)).name == "web"


# --- the others


@pytest.mark.parametrize(
    ("path", "runtime"),
    [("/lxc.payload.web", "lxc"), ("/machine.slice/systemd-nspawn@web.service", "systemd-nspawn")],
)
def test_lxc_and_nspawn_are_named_by_their_path(
    tree: Tree, ask: Asking, path: str, runtime: str
) -> None:
    container = sure(ask(tree.cgroup(path)))
    assert (container.runtime, container.name, container.source) == (runtime, "web", "path")
    assert container.complete
    assert ask.pids_read == 0


def _podman(tree: Tree, userdata: str) -> None:
    store = userdata.removesuffix(f"/{PODMAN_ID}/userdata")
    tree.write(f"{userdata}/config.json", captured("podman-oci-config.json"))
    tree.write(f"{store}/containers.json", captured("podman-containers.json"))


def test_podmans_container_is_named_by_conmon(tree: Tree, ask: Asking) -> None:
    userdata = f"/home/me/storage/vfs-containers/{PODMAN_ID}/userdata"
    _podman(tree, userdata)
    argv = ["/usr/bin/conmon", "-c", PODMAN_ID, "-n", "web", "-b", userdata]
    tree.process(10, 1, [*argv, "-l", f"k8s-file:{userdata}/ctr.log"])
    tree.process(11, 10, ["sleep"])
    container = sure(ask(tree.cgroup(f"/libpod_parent/libpod-{PODMAN_ID}"), 11))
    assert (container.runtime, container.name, container.pid) == ("podman", "web", 11)
    assert container.image == "localhost/busybox:local"
    assert (container.log_path, container.log_format) == (f"{userdata}/ctr.log", "cri")


def test_podmans_container_without_a_process_of_its_own_is_found_in_storage(
    tree: Tree, ask: Asking
) -> None:
    userdata = f"/var/lib/containers/storage/overlay-containers/{PODMAN_ID}/userdata"
    _podman(tree, userdata)
    container = sure(ask(tree.cgroup(f"/machine.slice/libpod-{PODMAN_ID}.scope")))
    assert (container.name, container.log_path) == ("pod-test", "")


def test_crio_is_told_from_podman_by_its_manager(tree: Tree, ask: Asking) -> None:
    annotations = {
        "io.container.manager": "cri-o",
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.ImageName": "busybox:1",
        "io.kubernetes.container.name": "app",
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "demo",
    }
    directory = f"/run/containers/storage/overlay-containers/{ID}/userdata"
    tree.write(f"{directory}/config.json", oci(annotations))
    container = sure(ask(tree.cgroup(f"{POD_PATH}/crio-{ID}")))
    assert (container.runtime, container.title) == ("cri-o", "demo/web/app")
    assert container.pod_uid == POD_UID
    assert sure(ask(tree.cgroup(POD_PATH))).title == "demo/web"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a process to root and to another")
@pytest.mark.parametrize("uid", [0, 1000])
def test_crios_sandbox_without_a_process_is_found_where_its_containers_are(
    tree: Tree, ask: Asking, uid: int
) -> None:
    """As CRI-O 1.36 leaves it by its default, drop_infra_ctr; anybody can start a conmon."""
    store = "/srv/crio-run/overlay-containers"
    annotations = {
        "io.container.manager": "cri-o",
        "io.kubernetes.cri-o.ImageName": "busybox:1",
        "io.kubernetes.cri-o.SandboxID": OTHER_ID,
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "demo",
    }
    for id_, kind in ((ID, "container"), (OTHER_ID, "sandbox")):
        told = annotations | {"io.kubernetes.cri-o.ContainerType": kind}
        tree.write(f"{store}/{id_}/userdata/config.json", oci(told))
    tree.process(900, 1, ["/usr/bin/conmon", "-b", f"{store}/{ID}/userdata", "-c", ID])
    os.chown(tree.at("/proc/900"), uid, uid)
    path = f"{POD_PATH}/crio-{ID}"
    tree.process(901, 900, ["sleep"], cgroup=path)
    assert sure(ask(tree.cgroup(path), 901)).pod == "web"
    sandbox = sure(ask(tree.cgroup(f"{POD_PATH}/crio-{OTHER_ID}")))
    assert (sandbox.kind is Kind.SANDBOX, sandbox.complete) == (uid == 0, uid == 0)
