from __future__ import annotations

import pytest

from agent.container.container import Kind
from agent.container.crio import describe, is_crio
from agent.container.oci import parse_bundle
from agent.container.statefile import UnreadableState
from tests.agent.container.tree import ID, captured, oci

CONTAINER = {
    "io.container.manager": "cri-o",
    "io.kubernetes.container.name": "app",
    "io.kubernetes.cri-o.ContainerType": "container",
    "io.kubernetes.cri-o.ImageName": "docker.io/library/busybox:1.35",
    "io.kubernetes.cri-o.ImageRef": "552ee9539eea500cff5dbce2d35d8206" * 2,
    "io.kubernetes.cri-o.Labels": '{"app":"web","io.kubernetes.pod.name":"web"}',
    "io.kubernetes.cri-o.LogPath": "/var/log/pods/demo_web_599e/app/2.log",
    "io.kubernetes.cri-o.Metadata": '{"name":"app","attempt":2}',
    "io.kubernetes.pod.name": "web",
    "io.kubernetes.pod.namespace": "demo",
    "io.kubernetes.pod.uid": "599e16b6",
}


def test_a_containers_annotations_say_everything() -> None:
    bundle = parse_bundle(oci(CONTAINER), "x")
    assert is_crio(bundle)
    container = describe(ID, bundle, "x")
    assert container.runtime == container.source == "cri-o"
    assert container.kind is Kind.CONTAINER
    assert container.name == ID
    assert container.title == "demo/web/app"
    assert container.image == "docker.io/library/busybox:1.35"
    assert container.image_id.startswith("sha256:552ee9")
    assert container.labels["app"] == "web"
    assert (container.attempt, container.pod_uid) == (2, "599e16b6")
    assert container.log_path == "/var/log/pods/demo_web_599e/app/2.log"
    assert container.log_format == "cri"
    assert container.complete


def test_the_pods_labels_are_the_sandboxs() -> None:
    sandbox = {"io.kubernetes.cri-o.Labels": '{"tier":"front","app":"pod"}'}
    container = describe(
        ID, parse_bundle(oci(CONTAINER), "x"), "x", parse_bundle(oci(sandbox), "y")
    )
    assert container.labels == {"tier": "front", "app": "web", "io.kubernetes.pod.name": "web"}


def test_a_sandbox_has_no_container_name_and_no_log() -> None:
    annotations = CONTAINER | {"io.kubernetes.cri-o.ContainerType": "sandbox"}
    annotations["io.kubernetes.container.name"] = "POD"
    sandbox = describe(ID, parse_bundle(oci(annotations), "x"), "x")
    assert sandbox.kind is Kind.SANDBOX
    assert (sandbox.container, sandbox.attempt, sandbox.log_path) == ("", None, "")


def test_an_image_reference_that_is_a_name_is_no_config_digest() -> None:
    annotations = CONTAINER | {"io.kubernetes.cri-o.ImageRef": "quay.io/x@sha256:" + "a" * 64}
    assert describe(ID, parse_bundle(oci(annotations), "x"), "x").image_id == ""


def test_podmans_bundle_is_not_crios() -> None:
    assert not is_crio(parse_bundle(captured("podman-oci-config.json"), "x"))


def test_a_broken_annotation_names_the_bundle() -> None:
    annotations = CONTAINER | {"io.kubernetes.cri-o.Labels": "{"}
    with pytest.raises(UnreadableState, match="/run/x: not JSON"):
        describe(ID, parse_bundle(oci(annotations), "x"), "/run/x")
