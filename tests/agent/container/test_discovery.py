from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.container.discovery import IMAGE_LOOKS, OTHER_LOOKS, WATCH_EVERY, Discovery
from agent.kernelfile import Denied
from tests.agent.container.tree import CREATED, ID, OTHER_ID, TASKS, Tree, captured, oci

POD_UID = "a37fa309-c17b-49f3-a084-5881a2637388"
SANDBOX = "a6efff0e245595772eb1fc912b9ca15735fb923e69f55652ab790200734d2544"
APP = "ed4264cf4dd354c596e42aeaa1446c378f000a0e3161c2ecb9ecacad3da2cc99"
POD_PATH = f"/kubepods/burstable/pod{POD_UID}"
PODMAN_ID = "39f3ae76f3cb187f4e7ec6be942550b4a38120f8d74defec6c5657123a55a596"


class Asking:
    """A Discovery with a clock to turn, that counts how often it asked for processes."""

    def __init__(self, tree: Tree) -> None:
        self.time = 0.0
        self.pids_read = 0
        self.discovery = Discovery(tree.paths, now=lambda: self.time)

    def __call__(self, cgroup: Cgroup, *pids: int) -> Container | None:
        return self.discovery.container_of(cgroup, self.pids(*pids))

    def pids(self, *pids: int) -> Callable[[], tuple[int, ...]]:
        def read() -> tuple[int, ...]:
            self.pids_read += 1
            return pids

        return read


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def ask(tree: Tree) -> Asking:
    return Asking(tree)


def sure(container: Container | None) -> Container:
    assert container is not None
    return container


# --- Docker


def test_a_docker_container_is_named_from_its_record(tree: Tree, ask: Asking) -> None:
    tree.docker()
    container = sure(ask(tree.cgroup(f"/docker/{ID}"), 22239))
    assert (container.runtime, container.name, container.pid) == ("docker", "rt-test", 22239)
    assert container.started == pytest.approx(1795489192.027558)
    assert container.complete
    assert ask.discovery.answered() == {"docker": 1}
    assert ask.discovery.failures() == ()


def test_dockers_image_in_containerd_has_the_id_it_has_elsewhere(tree: Tree, ask: Asking) -> None:
    manifest, image_id = f"sha256:{'d' * 64}", f"sha256:{'c' * 64}"
    tree.docker(root="/srv/docker", ImageManifest={"digest": manifest}, Driver="overlayfs")
    tree.shim(10, "moby", ID, tasks="/run/private/tasks")
    hosts = f"/srv/docker/containers/{ID}/hosts"
    tree.bundle(f"/run/private/tasks/moby/{ID}", oci(mounts=[(hosts, "/etc/hosts")]))
    root = "/srv/containerd"
    work = tree.at(f"/run/private/tasks/moby/{ID}/work")
    work.symlink_to(f"{root}/io.containerd.runtime.v2.task/moby/{ID}")
    tree.process(11, 10, ["nginx"])
    cgroup = tree.cgroup(f"/docker/{ID}")
    assert sure(ask(cgroup, 11)).image_id == ""
    blob = f"{root}/io.containerd.content.v1.content/blobs/sha256/{'d' * 64}"
    tree.write(blob, orjson.dumps({"config": {"digest": image_id}}))
    assert sure(Asking(tree)(cgroup, 11)).image_id == image_id


def test_a_private_daemons_data_root_is_found_through_the_shim(tree: Tree, ask: Asking) -> None:
    tree.docker(root="/srv/docker")
    hosts = f"/srv/docker/containers/{OTHER_ID}/hosts"  # --network container:OTHER
    tree.shim(10, "moby", ID, tasks="/run/private/tasks")
    tree.bundle(f"/run/private/tasks/moby/{ID}", oci(mounts=[(hosts, "/etc/hosts")]))
    tree.process(11, 10, ["nginx"])
    assert sure(ask(tree.cgroup(f"/docker/{ID}"), 11)).name == "rt-test"
    # The second container of that daemon needs no shim.
    tree.docker(OTHER_ID, root="/srv/docker", Name="/second")
    assert sure(ask(tree.cgroup(f"/docker/{OTHER_ID}"))).name == "second"


def test_a_docker_in_a_container_is_read_through_its_mount_namespace(
    tree: Tree, ask: Asking
) -> None:
    inner = f"/proc/10/root{TASKS}/moby/{ID}"
    tree.shim(10, "moby", ID)
    tree.bundle(
        inner, oci(mounts=[(f"/var/lib/docker/containers/{ID}/hosts", "/etc/hosts")]), pid=3
    )
    tree.docker(root="/proc/10/root/var/lib/docker", Pid=3)
    tree.process(11, 10, ["nginx"])
    container = sure(ask(tree.cgroup(f"/docker/{OTHER_ID}/docker/{ID}"), 11))
    assert container.name == "rt-test"
    assert container.pid == 11, "the record has a number of the inner pid namespace"


def test_a_rename_is_seen_within_seconds(tree: Tree, ask: Asking) -> None:
    tree.docker()
    cgroup = tree.cgroup(f"/docker/{ID}")
    ask(cgroup, 22239)
    tree.docker(Name="/renamed")
    assert sure(ask(cgroup, 22239)).name == "rt-test"
    ask.time += WATCH_EVERY
    assert sure(ask(cgroup, 22239)).name == "renamed"


def test_an_unchanged_record_is_not_read_again(tree: Tree, ask: Asking) -> None:
    tree.docker()
    cgroup = tree.cgroup(f"/docker/{ID}")
    first = ask(cgroup, 22239)
    for _ in range(10):
        ask.time += WATCH_EVERY
        assert ask(cgroup, 22239) is first
    assert ask.pids_read == 1


def test_a_container_that_is_just_starting_is_asked_again(tree: Tree, ask: Asking) -> None:
    tree.docker(Running=False, Pid=0, StartedAt="2020-01-01T00:00:00Z")
    cgroup = tree.cgroup(f"/docker/{ID}")
    starting = sure(ask(cgroup))
    assert (starting.name, starting.pid, starting.started) == ("rt-test", None, CREATED)
    tree.docker(Running=True, Pid=22239)
    running = sure(ask(cgroup, 22239))
    assert running.pid == 22239
    assert running.started == pytest.approx(1795489192.027558)


def test_a_container_whose_record_is_not_to_be_read_is_what_its_path_says(
    tree: Tree, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(directory: str) -> None:
        raise Denied(13, "Permission denied", f"{directory}/config.v2.json")

    tree.docker()
    monkeypatch.setattr("agent.container.docker.read_container", denied)
    cgroup = tree.cgroup(f"/docker/{ID}")
    container = sure(ask(cgroup))
    assert (container.runtime, container.id, container.source) == ("docker", ID, "path")
    assert (container.name, container.complete) == ("", False)
    assert container.title == ID[:12]
    (message,) = ask.discovery.failures()
    assert message.endswith(f"/containers/{ID}/config.v2.json: Permission denied")
    ask.discovery.retain(set())
    assert ask.discovery.failures() == ()


def test_an_unreadable_container_is_asked_for_ever_more_seldom(tree: Tree, ask: Asking) -> None:
    cgroup = tree.cgroup(f"/docker/{ID}")
    looks = []
    for second in range(120):
        ask.time = float(second)
        before = ask.pids_read
        ask(cgroup)
        if ask.pids_read > before:
            looks.append(second)
    assert looks == [0, 1, 2, 4, 9, 19, 49, 79, 109]
    tree.docker()
    ask.time = 139.0
    assert sure(ask(cgroup, 22239)).name == "rt-test"
    assert ask.discovery.answered() == {"path": 1, "docker": 1}


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


# --- ids of free text


def test_ctrs_container_is_claimed_by_its_shim(tree: Tree, ask: Asking) -> None:
    tree.shim(10, "default", "ctr-test")
    tree.process(11, 10, ["sleep"])
    tree.bundle(f"{TASKS}/default/ctr-test", captured("ctr-oci-config.json"), pid=11)
    cgroup = tree.cgroup("/default/ctr-test")
    container = sure(ask(cgroup, 11))
    assert (container.runtime, container.name, container.pid) == ("containerd", "ctr-test", 11)
    assert (container.image, container.complete) == ("", False)
    for _ in range(IMAGE_LOOKS):
        ask.time += 30
        container = sure(ask(cgroup, 11))
    assert (container.image, container.complete) == ("", True)
    looks = ask.pids_read
    ask.time += 1000
    ask(cgroup, 11)
    assert ask.pids_read == looks


def test_neither_the_cgroup_above_nor_one_below_is_the_container(tree: Tree, ask: Asking) -> None:
    tree.shim(10, "default", "ctr-test")
    tree.process(11, 10, ["sleep"])
    tree.bundle(f"{TASKS}/default/ctr-test", captured("ctr-oci-config.json"), pid=11)
    assert ask(tree.cgroup("/default"), 11) is None
    assert ask(tree.cgroup("/default/ctr-test/inside"), 11) is None


@pytest.mark.parametrize(
    ("runtime", "file", "sample", "pid"),
    [
        ("runc", "state.json", "runc-state.json", 23342),
        ("crun", "status", "crun-status.json", 23613),
    ],
)
def test_a_bare_container_is_claimed_by_its_state_file(
    tree: Tree, ask: Asking, runtime: str, file: str, sample: str, pid: int
) -> None:
    name = f"bare-{runtime}"
    tree.write(f"/run/{runtime}/{name}/{file}", captured(sample))
    tree.process(pid, 1, ["sleep"], start_ticks=100)
    container = sure(ask(tree.cgroup(f"/{name}"), pid))
    assert (container.runtime, container.name, container.pid) == (runtime, name, pid)
    assert container.started is not None


def test_a_cgroup_that_nobody_claims_is_left_alone_after_a_few_looks(
    tree: Tree, ask: Asking
) -> None:
    cgroup = tree.cgroup("/somebody")
    tree.process(11, 1, ["sleep"])
    for _ in range(50):
        assert ask(cgroup, 11) is None
        ask.time += 1
    assert ask.pids_read == OTHER_LOOKS


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/system.slice",
        "/system.slice/ssh.service",
        "/init.scope",
        "/user.slice/user-0.slice/session-1.scope",
        f"/docker/{ID}/init.scope",
        f"/machine.slice/libpod-{ID}.scope/container",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
        "/lxc.monitor.web",
    ],
)
def test_what_is_no_container_costs_no_look(tree: Tree, ask: Asking, path: str) -> None:
    assert ask(tree.cgroup(path), 1) is None
    assert ask.pids_read == 0


def test_ctrs_container_whose_bundle_is_not_to_be_read_is_what_its_shim_says(
    tree: Tree, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(directory: str) -> None:
        raise Denied(13, "Permission denied", f"{directory}/config.json")

    monkeypatch.setattr("agent.container.lookup.read_bundle", denied)
    tree.shim(10, "default", "ctr-test")
    tree.process(11, 10, ["sleep"])
    container = sure(ask(tree.cgroup("/default/ctr-test"), 11))
    assert (container.runtime, container.name, container.pid) == ("containerd", "ctr-test", 11)
    assert not container.complete
    (message,) = ask.discovery.failures()
    assert message.endswith("/default/ctr-test/config.json: Permission denied")
    assert ask(tree.cgroup("/default/ctr-test/inside"), 11) is None


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


# --- systemd's services


def test_services_are_named_where_they_are_asked_for(tree: Tree, ask: Asking) -> None:
    cgroup = tree.cgroup("/system.slice/ssh.service")
    assert ask(cgroup, 1) is None
    discovery = Discovery(tree.paths, services=True)
    service = sure(discovery.container_of(cgroup, ask.pids(1)))
    assert (service.runtime, service.kind) == ("systemd", Kind.SERVICE)
    assert (service.name, service.title, service.started) == (
        "ssh.service",
        "ssh.service",
        CREATED,
    )
    assert ask.pids_read == 0
    inside = tree.cgroup(f"/system.slice/web.service/libpod-payload-{PODMAN_ID}")
    assert sure(discovery.container_of(inside, tuple)).runtime == "podman"
    assert discovery.answered() == {"path": 2}


# --- memory


def test_what_is_gone_is_forgotten(tree: Tree, ask: Asking) -> None:
    tree.docker()
    cgroup = tree.cgroup(f"/docker/{ID}")
    ask(cgroup, 22239)
    ask.discovery.retain({cgroup.inode})
    ask(cgroup, 22239)
    assert ask.pids_read == 1
    ask.discovery.retain(set())
    ask(cgroup, 22239)
    assert ask.pids_read == 2


def test_the_same_path_with_another_inode_is_another_container(tree: Tree, ask: Asking) -> None:
    tree.shim(10, "default", "web")
    tree.process(11, 10, ["sleep"])
    config = orjson.loads(oci(cgroups_path="/default/web"))
    tree.bundle(f"{TASKS}/default/web", orjson.dumps(config | {"annotations": {"n": "1"}}))
    assert sure(ask(tree.cgroup("/default/web"), 11)).labels == {"n": "1"}
    tree.bundle(f"{TASKS}/default/web", orjson.dumps(config | {"annotations": {"n": "2"}}))
    assert sure(ask(tree.cgroup("/default/web"), 11)).labels == {"n": "2"}
