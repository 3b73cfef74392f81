"""agent.container.log_annotations, and how each runtime's files tell them to the log's reader."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from agent.container.container import Container
from agent.container.log_annotations import from_docker_labels, log_annotations
from agent.container.log_sources import LogSources
from tests.agent.container.tree import FIXTURES, ID, OTHER_ID, Tree, oci

MULTILINE = "container-agent.logs/app.multiline"
POD = "demo_web_599e16b6-1bf2-4203-b769-6055c486c395"
IN_META = "ed4264cf4dd354c596e42aeaa1446c378f000a0e3161c2ecb9ecacad3da2cc99"
"""A container of the captured database."""
STORE = "/run/containers/storage/overlay-containers"


def test_no_other_annotation_is_kept() -> None:
    asked = {MULTILINE: "java", "container-agent.logs/redact": "all"}
    others = {"team/pager": "shop", "container-agent.logs": "x", "x/container-agent.logs/level": ""}
    assert log_annotations({**others, **asked, "container-agent.logs/level": 1}) == asked


def test_cri_dockerd_puts_annotations_among_the_labels() -> None:
    labels = {f"annotation.{MULTILINE}": "java", MULTILINE: "a label", "annotation.other": "x"}
    assert from_docker_labels(labels) == {MULTILINE: "java"}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def of_pod_log(tree: Tree, id_: str) -> Container:
    tree.write(f"/var/log/pods/{POD}/app/0.log", "")
    links = tree.at("/var/log/containers")
    links.mkdir(parents=True)
    (links / f"web_demo_app-{id_}.log").symlink_to(f"/var/log/pods/{POD}/app/0.log")
    (source,) = LogSources(tree.paths).scan()
    return source.container


def test_containerd_has_them_in_the_sandboxs_record(tree: Tree) -> None:
    captured = (FIXTURES / "containerd21-meta.db").read_bytes()
    seen = b'kubernetes.io/config.seen":"2026-01-01T00:00:00Z'
    asked = f'{MULTILINE}":"java,python'.encode()
    assert len(seen) == len(asked)
    tree.write(
        "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db", captured.replace(seen, asked)
    )
    container = of_pod_log(tree, IN_META)
    assert container.log_annotations == {MULTILINE: "java,python"}
    assert container.annotations == {}


def test_cri_o_has_them_in_the_sandboxs_bundle(tree: Tree) -> None:
    manager = {"io.container.manager": "cri-o"}
    tree.write(
        f"{STORE}/{ID}/userdata/config.json",
        oci(
            manager
            | {
                "io.kubernetes.cri-o.ImageName": "busybox:1",
                "io.kubernetes.cri-o.SandboxID": OTHER_ID,
                # A container's own are the kubelet's: restart count, hash.
                "io.kubernetes.cri-o.Annotations": '{"container-agent.logs/level":"on"}',
            }
        ),
    )
    theirs = orjson.dumps({MULTILINE: "java", "team/pager": "shop"}).decode()
    tree.write(
        f"{STORE}/{OTHER_ID}/userdata/config.json",
        oci(manager | {"io.kubernetes.cri-o.Annotations": theirs}),
    )
    assert of_pod_log(tree, ID).log_annotations == {MULTILINE: "java"}


def test_a_cri_o_container_without_its_sandbox_has_none(tree: Tree) -> None:
    annotations = {"io.container.manager": "cri-o", "io.kubernetes.cri-o.SandboxID": OTHER_ID}
    tree.write(f"{STORE}/{ID}/userdata/config.json", oci(annotations))
    container = of_pod_log(tree, ID)
    assert (container.runtime, container.log_annotations) == ("cri-o", {})


def test_under_cri_dockerd_the_sandboxs_labels_have_them(tree: Tree) -> None:
    for id_, labels in (
        (ID, {"io.kubernetes.pod.name": "web", "io.kubernetes.sandbox.id": OTHER_ID}),
        (OTHER_ID, {"io.kubernetes.pod.name": "web", f"annotation.{MULTILINE}": "java"}),
    ):
        directory = tree.at(tree.docker(id_))
        config = orjson.loads((directory / "config.v2.json").read_bytes())
        config["Config"]["Labels"] = labels
        (directory / "config.v2.json").write_bytes(orjson.dumps(config))
        (directory / f"{id_}-json.log").touch()
    found = {source.container.id: source.container for source in LogSources(tree.paths).scan()}
    assert found[ID].log_annotations == {MULTILINE: "java"}
