from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from agent.container.container import Kind
from agent.container.containerd import (
    describe,
    image_config,
    last_attempt,
    log_directory,
    nerdctl_log,
    read_record,
    root_of,
)
from agent.container.oci import parse_bundle
from tests.agent.container.tree import Tree, captured, oci

CONTAINER = "ed4264cf4dd354c596e42aeaa1446c378f000a0e3161c2ecb9ecacad3da2cc99"
SANDBOX = "a6efff0e245595772eb1fc912b9ca15735fb923e69f55652ab790200734d2544"
CRASHED = "1e258dbc501a3f2aeba84735113d8f177ad0e46b4915b4551e500051c7de6882"
CONFIG_DIGEST = "sha256:552ee9539eea500cff5dbce2d35d8206116f9444cbb27ebe5ef42bd5c8e7ab02"
BUNDLE = parse_bundle(captured("cri-containerd21-container-oci-config.json"), "x")
SANDBOX_BUNDLE = parse_bundle(captured("cri-containerd21-sandbox-oci-config.json"), "x")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.mark.parametrize(
    ("file", "id_", "attempt", "end"),
    [
        ("containerd21-meta.db", CONTAINER, 0, "/app/0.log"),
        ("containerd16-meta.db", CRASHED, 2, "/crash/2.log"),
    ],
)
def test_a_cri_containers_record_is_read(
    tree: Tree, file: str, id_: str, attempt: int, end: str
) -> None:
    tree.meta(file)
    record = read_record(str(tree.at("/var/lib/containerd")), "k8s.io", id_)
    assert record is not None
    assert record.image == "research.local/busybox:1.35"
    assert record.image_id == CONFIG_DIGEST
    assert record.attempt == attempt
    assert record.log_path.endswith(end)
    assert record.labels["io.kubernetes.pod.namespace"] == "demo"
    assert record.labels["pod-template-hash"] == "abc123", "the pod's own labels belong to it"
    assert record.labels["io.cri-containerd.kind"] == "container", "the container's go over them"


def test_an_unknown_container_or_namespace_has_no_record(tree: Tree) -> None:
    tree.meta("containerd21-meta.db")
    root = str(tree.at("/var/lib/containerd"))
    assert read_record(root, "k8s.io", "0" * 64) is None
    assert read_record(root, "default", CONTAINER) is None
    assert read_record(f"{root}/absent", "k8s.io", CONTAINER) is None


def test_a_container_is_described_by_its_annotations_and_its_record(tree: Tree) -> None:
    tree.meta("containerd21-meta.db")
    record = read_record(str(tree.at("/var/lib/containerd")), "k8s.io", CONTAINER)
    container = describe(CONTAINER, BUNDLE, record, None)
    assert container.kind is Kind.CONTAINER
    assert container.name == CONTAINER
    assert container.title == "demo/web21/app"
    assert container.image == "research.local/busybox:1.35"
    assert container.image_id == CONFIG_DIGEST
    assert container.pod_uid == "a37fa309-c17b-49f3-a084-5881a2637388"
    assert container.log_path.endswith("/demo_web21_a37fa309-c17b-49f3-a084-5881a2637388/app/0.log")
    assert container.log_format == "cri"
    assert container.complete


def test_without_meta_db_the_annotations_still_name_it() -> None:
    container = describe(CONTAINER, BUNDLE, None, SANDBOX_BUNDLE)
    assert container.title == "demo/web21/app"
    assert container.image == "research.local/busybox:1.35"
    assert (container.attempt, container.log_path) == (None, "")


def test_a_sandbox_has_no_container_name_and_no_attempt(tree: Tree) -> None:
    tree.meta("containerd21-meta.db")
    record = read_record(str(tree.at("/var/lib/containerd")), "k8s.io", SANDBOX)
    sandbox = describe(SANDBOX, SANDBOX_BUNDLE, record, None)
    assert sandbox.kind is Kind.SANDBOX
    assert (sandbox.container, sandbox.attempt, sandbox.log_path) == ("", None, "")
    assert sandbox.image == "research.local/pause:3.9"
    assert sandbox.labels["app"] == "web21"


def test_an_old_sandbox_without_an_image_anywhere_is_incomplete() -> None:
    bundle = parse_bundle(oci({"io.kubernetes.cri.container-type": "sandbox"}), "x")
    assert not describe(SANDBOX, bundle, None, None).complete


def test_ctrs_container_has_its_id_as_name_and_its_annotations_as_labels() -> None:
    bundle = parse_bundle(captured("ctr-oci-config.json"), "x")
    container = describe("ctr-test", bundle, None, None)
    assert (container.name, container.labels) == ("ctr-test", {"foo": "bar"})
    assert (container.image, container.complete) == ("", False)


def test_nerdctls_container_has_its_name_and_log() -> None:
    labels = {"nerdctl/name": "web", "nerdctl/state-dir": "/var/lib/nerdctl/1/containers/default/x"}
    container = describe("x", parse_bundle(oci(labels), "x"), None, None)
    assert container.name == "web"
    assert container.log_path == "/var/lib/nerdctl/1/containers/default/x/x-json.log"
    assert container.log_format == "docker"
    assert nerdctl_log("x", {}) == ""


def test_the_root_is_where_the_work_link_leads(tmp_path: Path) -> None:
    (tmp_path / "work").symlink_to("/srv/ctd/io.containerd.runtime.v2.task/default/web")
    assert root_of(str(tmp_path)) == "/srv/ctd"
    (tmp_path / "work").unlink()
    assert root_of(str(tmp_path)) == ""
    (tmp_path / "work").symlink_to("/elsewhere")
    assert root_of(str(tmp_path)) == ""


def test_the_highest_attempt_is_the_last_one(tmp_path: Path) -> None:
    for name in ("0.log", "2.log", "10.log", "9.log.gz", "x.log", "3.log.20260101-101010"):
        (tmp_path / name).touch()
    assert last_attempt(str(tmp_path)) == 10
    assert last_attempt(f"{tmp_path}/absent") is None


def test_the_log_directory_is_the_sandboxs_and_the_name() -> None:
    assert log_directory(BUNDLE, SANDBOX_BUNDLE).endswith(
        "_a37fa309-c17b-49f3-a084-5881a2637388/app"
    )
    assert log_directory(SANDBOX_BUNDLE, SANDBOX_BUNDLE) == ""


def _blob(tree: Tree, digest: str, value: object) -> str:
    path = f"/ctd/io.containerd.content.v1.content/blobs/sha256/{digest}"
    tree.write(path, orjson.dumps(value))
    return f"sha256:{digest}"


def test_the_config_digest_is_found_through_an_index(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    manifest = _blob(tree, "b" * 64, {"config": {"digest": CONFIG_DIGEST}})
    other = {"digest": "sha256:" + "c" * 64, "platform": {"os": "linux", "architecture": "arm64"}}
    ours = {"digest": manifest, "platform": {"os": "linux", "architecture": "amd64"}}
    index = _blob(tree, "a" * 64, {"manifests": [other, ours]})
    root = str(tree.at("/ctd"))
    assert image_config(root, manifest) == CONFIG_DIGEST
    assert image_config(root, index) == CONFIG_DIGEST


@pytest.mark.parametrize("target", ["", "sha256:../../../etc/passwd", "sha256:" + "f" * 64])
def test_an_image_that_is_not_there_has_no_digest(tree: Tree, target: str) -> None:
    assert image_config(str(tree.at("/ctd")), target) == ""


def test_an_index_that_names_itself_ends(tree: Tree) -> None:
    digest = "sha256:" + "a" * 64
    _blob(tree, "a" * 64, {"manifests": [{"digest": digest}]})
    assert image_config(str(tree.at("/ctd")), digest) == ""
