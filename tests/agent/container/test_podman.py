from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.container import Kind
from agent.container.oci import parse_bundle
from agent.container.podman import (
    Stores,
    describe,
    graph_root,
    parse_store,
    store_directory,
)
from agent.container.podman_database import Recorded
from agent.container.statefile import UnreadableState
from tests.agent.container.tree import Tree, captured, oci

WEB = "39f3ae76f3cb187f4e7ec6be942550b4a38120f8d74defec6c5657123a55a596"
INFRA = "8fadb442d8c0dfdd502e63ed8ed5418c4664f6f8647e7a92594ca9a98ef6c6c8"
USERDATA = f"/var/lib/containers/storage/overlay-containers/{WEB}/userdata"
STORED = parse_store(orjson.loads(captured("podman-containers.json")), "containers.json")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_captured_store_names_image_and_container() -> None:
    assert len(STORED) == 4
    assert STORED[WEB].name == "pod-test"
    assert STORED[WEB].image == "localhost/busybox:local"
    assert STORED[WEB].image_id.startswith("sha256:552ee9")


def test_a_container_is_described_by_conmon_and_storage() -> None:
    container = describe(WEB, "pod-test", f"{USERDATA}/ctr.log", None, STORED[WEB], Recorded())
    assert (container.runtime, container.name, container.kind) == (
        "podman",
        "pod-test",
        Kind.CONTAINER,
    )
    assert container.image == "localhost/busybox:local"
    assert (container.log_path, container.log_format) == (f"{USERDATA}/ctr.log", "cri")
    assert container.complete


def test_without_conmon_the_name_is_storages() -> None:
    assert describe(WEB, "", "", None, STORED[WEB], None).name == "pod-test"


def test_the_database_adds_labels_and_the_log() -> None:
    recorded = Recorded(
        name="web", labels={"app": "web"}, log_driver="k8s-file", log_path=f"{USERDATA}/ctr.log"
    )
    container = describe(WEB, "", "", None, None, recorded)
    assert (container.name, container.labels) == ("web", {"app": "web"})
    assert (container.log_path, container.log_format) == (f"{USERDATA}/ctr.log", "cri")


def test_a_member_of_a_pod_has_the_pods_name_and_its_own_and_no_namespace() -> None:
    recorded = Recorded(name="front", pod="shop", pod_id="045f")
    member = describe(WEB, "front", "", None, STORED[WEB], recorded)
    assert (member.name, member.container, member.pod) == ("front", "front", "shop")
    assert (member.namespace, member.pod_uid, member.title) == ("", "045f", "shop/front")
    infra = describe(INFRA, "", "", None, STORED[INFRA], recorded._replace(is_infra=True))
    assert (infra.kind, infra.container, infra.title) == (Kind.SANDBOX, "", "shop")


def test_what_the_database_has_not_told_yet_is_looked_for_again() -> None:
    assert describe(WEB, "web", "", None, STORED[WEB], Recorded()).complete
    assert not describe(WEB, "web", "", None, STORED[WEB], None).complete


def test_a_pods_infra_container_is_the_sandbox_by_its_name_alone() -> None:
    assert describe(INFRA, "", "", None, STORED[INFRA], None).kind is Kind.SANDBOX


def test_an_infra_container_with_a_name_of_its_own_is_told_by_its_annotation() -> None:
    bundle = parse_bundle(oci({"io.kubernetes.cri-o.ContainerType": "sandbox"}), "x")
    assert describe(INFRA, "mine", "", bundle, STORED[INFRA], None).kind is Kind.SANDBOX


def test_journald_has_no_file_even_where_a_path_is_configured() -> None:
    recorded = Recorded(log_driver="journald", log_path=f"{USERDATA}/ctr.log")
    assert describe(WEB, "", "", None, STORED[WEB], recorded).log_path == ""


def test_what_storage_has_not_written_yet_is_incomplete() -> None:
    assert not describe(WEB, "web", "", None, None, None).complete


def test_graph_root_and_store_are_parents_of_the_bundle() -> None:
    assert graph_root(USERDATA) == "/var/lib/containers/storage"
    assert store_directory(USERDATA) == "/var/lib/containers/storage/overlay-containers"
    assert store_directory("/srv/bundle") == graph_root("/srv/bundle") == ""


def test_a_store_is_read_again_when_it_was_replaced(tree: Tree) -> None:
    directory = "/store"
    stores = Stores()
    assert stores.get(str(tree.at(directory)), WEB) is None
    tree.write(f"{directory}/containers.json", captured("podman-containers.json"))
    first = stores.get(str(tree.at(directory)), WEB)
    assert first is stores.get(str(tree.at(directory)), WEB)
    tree.write(f"{directory}/volatile-containers.json", orjson.dumps([{"id": "v"}]))
    assert "v" in stores.containers(str(tree.at(directory)))
    tree.write(f"{directory}/containers.json", b"[]")
    assert stores.get(str(tree.at(directory)), WEB) is None


_value = st.none() | st.text(max_size=4) | st.lists(st.text(max_size=4), max_size=2)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["id", "names", "image", "metadata", "created"]), _value)
        | st.none()
    )
)
def test_any_store_is_read_or_refused(value: list[object]) -> None:
    try:
        found = parse_store(value, "containers.json")
    except UnreadableState as error:
        found = {}
        assert error.path == "containers.json"  # noqa: PT017 - read is as good an outcome
    assert all(isinstance(stored.name, str) for stored in found.values())
