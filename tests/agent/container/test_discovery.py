"""Containers are discovered: Docker, ctr, runc and crun, services; and what is remembered."""

from __future__ import annotations

import orjson
import pytest

from agent.container.container import Kind
from agent.container.discovery import IMAGE_LOOKS, OTHER_LOOKS, WATCH_EVERY, Discovery
from agent.kernelfile import Denied
from tests.agent.container.asking import Asking, sure
from tests.agent.container.tree import CREATED, ID, OTHER_ID, TASKS, Tree, captured, oci

PODMAN_ID = "39f3ae76f3cb187f4e7ec6be942550b4a38120f8d74defec6c5657123a55a596"


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
