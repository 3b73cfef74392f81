from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.identity import OTHER, CgroupKind, identify, service_unit

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runtimes"
VECTORS: list[dict[str, str | None]] = json.loads((FIXTURES / "cgroup_paths.json").read_text())
ID = "7f540f6c12cb648de3414f1a55e90f46506764b9330552d0352fc7d582d34add"
NODE = "b58dd935c9711537db530a47feabf780a8c3aa87ba83302e3548815575736987"
UID = "599e16b6-1bf2-4203-b769-6055c486c395"


def test_the_table_of_paths_is_whole() -> None:
    assert len(VECTORS) == 40


@pytest.mark.parametrize("vector", VECTORS, ids=[str(v["path"])[-70:] for v in VECTORS])
def test_a_path_of_the_table_gives_its_identity(vector: dict[str, str | None]) -> None:
    found = identify(str(vector["path"]))
    assert {
        "runtime": found.runtime,
        "id": found.id,
        "pod_uid": found.pod_uid,
        "qos": found.qos,
        "kind": found.kind.value,
    } == {key: vector[key] for key in ("runtime", "id", "pod_uid", "qos", "kind")}


@pytest.mark.parametrize(
    ("path", "below"),
    [
        (f"/docker/{ID}", ""),
        (f"/docker/{ID}/system.slice/cron.service", "system.slice/cron.service"),
        (f"/machine.slice/libpod-{ID}.scope/container", "container"),
        (f"/kubepods/pod{UID}/{ID}/sub", "sub"),
        ("/lxc.payload.ct1/init.scope", "init.scope"),
    ],
)
def test_a_cgroup_inside_a_container_says_how_far_inside(path: str, below: str) -> None:
    assert identify(path).below == below


def test_a_pod_inside_a_kind_node_is_a_pod_and_not_the_node() -> None:
    slice_ = f"kubelet-kubepods-pod{UID.replace('-', '_')}.slice"
    found = identify(f"/docker/{NODE}/kubelet.slice/kubelet-kubepods.slice/{slice_}")
    assert (found.kind, found.id, found.pod_uid, found.below) == (CgroupKind.POD, None, UID, "")


def test_what_is_inside_a_kind_node_says_which_node() -> None:
    uid = UID.replace("-", "_")
    pod = f"/docker/{NODE}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{uid}.slice"
    assert identify(f"/docker/{NODE}").nested_in is None
    assert identify(pod).nested_in == NODE
    inner = identify(f"{pod}/cri-containerd-{ID}.scope")
    assert (inner.runtime, inner.id, inner.nested_in) == ("containerd", ID, NODE)
    assert identify(f"{pod}/cri-containerd-{ID}.scope/docker/{ID[::-1]}").nested_in == NODE


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/system.slice/ssh.service", "ssh.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/user.slice/user-1000.slice/user@1000.service", "user@1000.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", ""),
        (f"/docker/{ID}/system.slice/ssh.service", ""),
        ("/machine.slice/systemd-nspawn@web.service", ""),
        (f"/system.slice/docker-{ID}.service", ""),
        ("/system.slice/run-user-0.mount", ""),
        ("/ssh.service", ""),
        ("/system.slice", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_service_is_what_lies_right_below_slices(path: str, unit: str) -> None:
    assert service_unit(path) == unit


def test_podmans_container_inside_a_service_is_a_container() -> None:
    found = identify(f"/system.slice/web.service/libpod-payload-{ID}")
    assert (found.kind, found.runtime, found.id) == (CgroupKind.CONTAINER, "podman", ID)
    inside = identify(f"/system.slice/web.service/libpod-payload-{ID}/container")
    assert (inside.id, inside.below) == (ID, "container")
    assert identify("/system.slice/web.service/supervisor") == OTHER


def test_a_docker_container_inside_a_pod_keeps_the_pod() -> None:
    found = identify(f"/kubepods/besteffort/pod{UID}/{NODE}/docker/{ID}")
    assert (found.runtime, found.id, found.pod_uid, found.qos) == ("docker", ID, UID, "besteffort")


@pytest.mark.parametrize(
    "path",
    [
        f"/libpod_parent/{NODE}",
        f"/machine.slice/machine-libpod_pod_{NODE}.slice",
        "/docker/buildkit/k9q0qz8v1w2x3y4z5a6b7c8d9",
        f"/system.slice/run-docker-{ID[:20]}.mount",
        f"/system.slice/docker-{ID}.mount",
        f"/docker/{ID.upper()}",
        f"/docker/{ID}0",
        "/",
        "",
    ],
)
def test_what_is_no_container_is_other(path: str) -> None:
    assert identify(path) == OTHER


def test_a_monitor_is_not_a_container() -> None:
    assert identify("/lxc.monitor.ct1").kind is CgroupKind.SUPERVISOR


@pytest.mark.parametrize(
    "path",
    ["/lxc/101", "/lxc/101/ns/init.scope", "/lxc.payload/101", "/lxc.payload.101"],
)
def test_every_shape_of_lxc_gives_the_name(path: str) -> None:
    found = identify(path)
    assert (found.runtime, found.id) == ("lxc", "101")


_SEGMENTS = [
    *("docker", "kubepods", "burstable", "lxc", "..", "", "libpod_parent", "ecs", ID),
    *(f"a:b:{ID}", f"pod{UID}", f"docker-{ID}.scope", f"x.slice:cri-containerd:{ID}"),
    *(f"kubepods-pod{UID}.slice", f"libpod-conmon-{ID}.scope", "machine-.scope", "lxc.payload."),
]
_segment = st.one_of(st.sampled_from(_SEGMENTS), st.text(max_size=20))


@given(st.one_of(st.text(), st.lists(_segment, max_size=8).map("/".join)))
def test_any_text_gives_the_same_answer_twice_and_no_exception(path: str) -> None:
    found = identify(path)
    assert found == identify(path)
    assert (found.kind is CgroupKind.CONTAINER) == (
        found.id is not None and found.kind is not CgroupKind.SUPERVISOR
    )
    assert (found.qos is None) == (found.pod_uid is None)


@given(st.text(alphabet="pod-ab0:/._", max_size=4000))
def test_a_long_path_takes_no_longer_than_its_length(path: str) -> None:
    identify(path)
