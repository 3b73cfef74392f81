"""agent.sources.pods and agent.container.told_pods: a pod's document, and what it adds."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.container import Container, Kind, Requests
from agent.container.owner import NOBODY, Owner, owner_of_reference
from agent.container.statefile import UnreadableState
from agent.container.told_pods import total, with_pod
from agent.sources.pods import Wanted, parse_pod, parse_pods, parse_quantity
from tests.agent.sources.documents import HASH, ID, MIRROR, POD, UID, pod_list

WANTED = Wanted(("app", "tier"), ("team/pager",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


def the_pod() -> Any:
    (pod,) = parse_pods(pod_list(POD), "kubelet", WANTED).pods
    return pod


def test_a_pod_is_read_with_what_is_wanted_and_no_more() -> None:
    pod = the_pod()
    assert (pod.name, pod.namespace, pod.uid, pod.qos) == (
        *("api-7d4b9c8f6d-x2z9q", "shop", UID),
        "burstable",
    )
    assert pod.owner == Owner("Deployment", "api")
    assert (pod.labels, pod.annotations) == ({"app": "api"}, {"team/pager": "shop"})
    assert pod.ids == {ID: "app"}
    assert pod.members["app"].requests == Requests(0.25, 64 << 20)
    assert pod.members["proxy"].requests == Requests(None, None)
    assert pod.members["app"].attempt == 2
    assert set(pod.members) == {"migrate", "app", "proxy"}
    assert "hunter2" not in repr(pod)


def test_what_is_asked_of_log_workers_is_kept_apart_from_what_is_exported() -> None:
    asked = {"container-agent.logs/app.multiline": "java"}
    document = {"metadata": {"name": "web", "uid": "1", "annotations": {"a": "b", **asked}}}
    pod = parse_pod(document, "kubelet", WANTED)
    assert pod is not None
    assert (pod.annotations, pod.log_annotations) == ({}, asked)
    container = with_pod(Container(runtime="containerd", id="1", pod_uid="1"), pod)
    assert container.annotations == {}


def test_a_mirror_pod_is_known_by_the_hash_of_its_manifest() -> None:
    pod = parse_pod(MIRROR, "kubernetes-api", WANTED)
    assert pod is not None
    assert (pod.uid, pod.owner) == (HASH, NOBODY)


@pytest.mark.parametrize(
    ("kind", "name", "labels", "owner"),
    [
        ("ReplicaSet", "api-7d", {"pod-template-hash": "7d"}, Owner("Deployment", "api")),
        ("ReplicaSet", "api-7d", {}, Owner("ReplicaSet", "api-7d")),
        ("Job", "report-28930560", {}, Owner("CronJob", "report")),
        ("Job", "migrate", {}, Owner("Job", "migrate")),
        ("Rollout", "web", {}, Owner("Rollout", "web")),
        ("", "web", {}, NOBODY),
    ],
)
def test_the_workload_is_the_one_above_the_controller(
    kind: str, name: str, labels: dict[str, str], owner: Owner
) -> None:
    assert owner_of_reference(kind, name, labels) == owner


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", "0.25"),
        ("64Mi", str(64 << 20)),
        ("1.5Gi", str(3 << 29)),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("2E", "2000000000000000000"),
        ("500k", "500000"),
        ("100n", "0.0000001"),
        (".5", "0.5"),
        (2, "2"),
    ],
)
def test_a_quantity_is_exact(text: object, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1 Mi", "1Kib", "1e", "0x10", "1e9999", None, True, "."])
def test_what_is_no_quantity_is_none(text: object) -> None:
    assert parse_quantity(text) is None


def test_the_files_come_first_and_kubernetes_adds_what_they_have_not() -> None:
    container = Container(
        runtime="containerd",
        id=ID,
        name=ID,
        image="shop/api@sha256:1",
        container="app",
        pod="api-7d4b9c8f6d-x2z9q",
        namespace="shop",
        pod_uid=UID,
        labels={"app": "of the file", "tier": "web"},
        attempt=3,
        source="cri",
    )
    found = with_pod(container, the_pod())
    assert (found.image, found.attempt, found.source) == ("shop/api@sha256:1", 3, "cri")
    assert found.labels == {"app": "of the file", "tier": "web"}
    assert found.requests == Requests(0.25, 64 << 20)
    assert found.owner == Owner("Deployment", "api")
    assert (found.pod_labels, found.annotations) == ({"app": "api"}, {"team/pager": "shop"})


def test_where_the_files_may_not_be_read_kubernetes_names_the_container() -> None:
    by_path = Container(runtime="", id=ID, name=ID, pod_uid=UID, source="path", complete=False)
    found = with_pod(by_path, the_pod())
    assert found.title == "shop/api-7d4b9c8f6d-x2z9q/app"
    assert (found.image, found.attempt, found.source) == ("shop/api:4.2", 2, "kubelet")
    assert found.image_id == f"sha256:{'b' * 64}"
    assert found.complete
    # An id that is not in the list yet is named as far as its pod is.
    other = with_pod(Container(runtime="", id="e" * 64, pod_uid=UID, source="path"), the_pod())
    assert (other.pod, other.container, other.source, other.requests) == (
        *("api-7d4b9c8f6d-x2z9q", "", "path"),
        None,
    )


def test_a_pods_requests_are_the_sum_of_what_is_asked_for() -> None:
    pod = Container(runtime="", id="", kind=Kind.POD, pod_uid=UID, source="path")
    assert with_pod(pod, the_pod()).requests == Requests(0.25, 64 << 20)
    sandbox = Container(runtime="containerd", id="5" * 64, kind=Kind.SANDBOX, pod_uid=UID)
    assert with_pod(sandbox, the_pod()).requests is None
    assert total([None, None]) is None
    assert total([Requests(0.5, None), Requests(0.25, 3)]) == Requests(0.75, 3)


def test_another_kind_of_answer_is_refused() -> None:
    for data in (b"", b"[]", b'{"kind":"Status","code":403}'):
        with pytest.raises((UnreadableState, ValueError)):
            parse_pods(data, "kubelet", WANTED)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), JSON), JSON)
def test_whatever_is_in_a_pod_nothing_is_raised(item: dict[str, Any], inner: Any) -> None:
    parse_pod(item, "kubelet", WANTED)
    damaged = deepcopy(POD)
    damaged["spec"]["containers"][0]["resources"] = inner
    damaged["status"] = inner
    pod = parse_pod(damaged, "kubelet", WANTED)
    assert pod is not None
    for member in pod.members.values():
        assert member.requests is not None


@given(st.text(alphabet="0123456789.eE+-mkKMGi", max_size=12))
def test_any_text_is_a_quantity_or_none(text: str) -> None:
    found = parse_quantity(text)
    assert found is None or isinstance(found, Decimal)


def test_a_document_of_another_encoding_is_refused() -> None:
    with pytest.raises(UnreadableState):
        parse_pods(orjson.dumps({"kind": "PodList"})[:-1], "kubelet", WANTED)
