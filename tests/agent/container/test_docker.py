from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.container import Kind
from agent.container.docker import data_root_of, parse_container, parse_time, read_container
from agent.container.oci import parse_bundle
from agent.container.statefile import UnreadableState

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runtimes"
ID = "d4d50b77118d3cfa4e9c27691c6ecd60695a0d247feed30b9140204ec54f2dce"
CONFIG = orjson.loads((FIXTURES / "docker-config.v2.json").read_bytes())
HOST_CONFIG = orjson.loads((FIXTURES / "docker-hostconfig.json").read_bytes())


def test_a_running_container_is_read_whole() -> None:
    container, running, _ = parse_container(CONFIG, HOST_CONFIG, "config.v2.json")
    assert running
    assert container.runtime == container.source == "docker"
    assert container.id == ID
    assert container.name == "rt-test"
    assert container.title == "rt-test"
    assert container.image == "busybox:local"
    assert container.image_id.startswith("sha256:552ee9539eea")
    assert container.labels == {"app": "demo", "tier": "web"}
    assert container.attempt == 0
    assert container.pid == 22239
    assert container.started == pytest.approx(1795489192.027558)
    assert container.log_path == f"/var/lib/docker/containers/{ID}/{ID}-json.log"
    assert container.log_format == "docker"
    assert container.kind is Kind.CONTAINER
    assert container.complete


def test_with_images_in_containerd_the_manifests_digest_is_not_the_images_id() -> None:
    config = dict(CONFIG)
    manifest = {"digest": f"sha256:{'d' * 64}", "size": 422}
    for more, expected in (
        ({"Driver": "overlayfs", "ImageManifest": manifest}, manifest["digest"]),
        ({"Driver": "overlayfs"}, config["Image"]),  # Docker 24
        ({"Driver": "btrfs", "ImageManifest": manifest}, manifest["digest"]),
    ):
        found = parse_container(config | more, None, "x")
        assert (found.container.image_id, found.manifest) == ("", expected)
    found = parse_container(config | {"Driver": "overlay2"}, None, "x")
    assert (found.container.image_id, found.manifest) == (config["Image"], "")


def test_a_stopped_container_has_no_pid() -> None:
    config = {**CONFIG, "State": {**CONFIG["State"], "Running": False}}
    container, running, _ = parse_container(config, HOST_CONFIG, "x")
    assert not running
    assert container.pid is None
    assert container.started is not None


def test_a_container_that_never_ran_was_never_started() -> None:
    config = {**CONFIG, "State": {"Pid": 0, "StartedAt": "0001-01-01T00:00:00Z"}}
    container, running, _ = parse_container(config, HOST_CONFIG, "x")
    assert (running, container.pid, container.started) == (False, None, None)


def test_another_log_driver_gives_no_log() -> None:
    host_config = {**HOST_CONFIG, "LogConfig": {"Type": "journald", "Config": {}}}
    container = parse_container({**CONFIG, "LogPath": ""}, host_config, "x").container
    assert (container.log_path, container.log_format) == ("", "")


def test_without_hostconfig_the_log_paths_ending_tells_the_driver() -> None:
    assert parse_container(CONFIG, None, "x").container.log_format == "docker"


def test_the_kubelets_labels_name_the_pod() -> None:
    labels = {
        "io.kubernetes.container.name": "app",
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "demo",
        "io.kubernetes.pod.uid": "599e16b6",
        "io.kubernetes.docker.type": "container",
        "annotation.io.kubernetes.container.restartCount": "3",
    }
    config = {**CONFIG, "Config": {**CONFIG["Config"], "Labels": labels}}
    container = parse_container(config, None, "x").container
    assert container.title == "demo/web/app"
    assert (container.pod_uid, container.attempt) == ("599e16b6", 3)
    labels["io.kubernetes.docker.type"] = "podsandbox"
    sandbox = parse_container(config, None, "x").container
    assert (sandbox.kind, sandbox.container) == (Kind.SANDBOX, "")


def test_the_data_root_is_found_from_the_mounts() -> None:
    bundle = parse_bundle((FIXTURES / "docker-oci-config.json").read_bytes(), "x")
    assert data_root_of(bundle) == "/var/lib/docker"


def test_a_bundle_of_something_else_names_no_data_root() -> None:
    bundle = parse_bundle((FIXTURES / "podman-oci-config.json").read_bytes(), "x")
    assert data_root_of(bundle) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-11-24T02:59:52.027558048Z", 1795489192.027558),
        ("2026-11-24T03:59:52+01:00", 1795489192.0),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("2026-11-24", None),
        ("yesterday", None),
    ],
)
def test_gos_times_are_read(value: str, seconds: float | None) -> None:
    found = parse_time(value)
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_an_absent_container_is_none(tmp_path: Path) -> None:
    assert read_container(str(tmp_path)) is None


def test_a_config_without_an_id_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.v2.json").write_text("{}")
    with pytest.raises(UnreadableState, match=r"config\.v2\.json: no ID"):
        read_container(str(tmp_path))


@given(
    st.dictionaries(
        st.sampled_from(["State", "Config", "Name", "Image", "LogPath", "RestartCount"]),
        st.none()
        | st.text(max_size=5)
        | st.integers()
        | st.lists(st.none(), max_size=1)
        | st.dictionaries(
            st.sampled_from(["Labels", "Running", "Pid", "StartedAt"]),
            st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
        ),
    )
)
def test_values_of_any_type_give_a_container(values: Mapping[str, object]) -> None:
    container = parse_container({**values, "ID": ID}, None, "x").container
    assert container.id == ID
    assert isinstance(container.name, str)
