"""What Kubernetes adds to the page, where it is asked."""

from __future__ import annotations

from dataclasses import replace

from agent.container.container import Container, Kind, Requests
from agent.container.owner import Owner
from tests.agent.snapshots import pod, reading, sample, snapshot
from tests.exporters.prometheus.test_encoder import page, series

APP = pod("shop", "api-x2z9q", "app")
OF_POD = Container(runtime="", id="", kind=Kind.POD, pod="api-x2z9q", namespace="shop")


def of(container: Container) -> str:
    return page(snapshot(sample(reading(), path="/kubepods/pod599e", container=container)))


def test_requests_are_in_cores_and_bytes() -> None:
    text = of(replace(APP, requests=Requests(0.25, 64 << 20)))
    ((labels, cores),) = series(text, "container_spec_cpu_request_cores")
    assert (labels["container"], cores) == ("app", 0.25)
    ((_, memory),) = series(text, "container_spec_memory_request_bytes")
    assert memory == 64 << 20


def test_what_is_not_asked_for_or_not_known_has_no_series() -> None:
    for requests in (None, Requests()):
        text = of(replace(APP, requests=requests))
        assert series(text, "container_spec_cpu_request_cores") == []
        assert series(text, "container_spec_memory_request_bytes") == []


def test_a_pods_sum_is_not_told_beside_its_parts() -> None:
    text = of(replace(OF_POD, requests=Requests(0.25, 64 << 20)))
    assert series(text, "container_spec_cpu_request_cores") == []


def test_wanted_labels_and_annotations_are_the_pods() -> None:
    named = replace(
        OF_POD, pod_labels={"app.io/name": "api", "app-io/name": "twice"}, annotations={"a/b": "1"}
    )
    text = of(named)
    ((labels, number),) = series(text, "container_pod_labels")
    assert (labels["label_app_io_name"], labels["pod"], number) == ("api", "api-x2z9q", 1)
    ((labels, _),) = series(text, "container_pod_annotations")
    assert labels["annotation_a_b"] == "1"
    assert series(of(OF_POD), "container_pod_labels") == []
    assert series(of(replace(APP, pod_labels={"a": "b"})), "container_pod_labels") == []


def test_the_owner_is_kubernetes_word_where_it_was_asked() -> None:
    text = of(replace(APP, owner=Owner("Rollout", "web")))
    ((labels, _),) = series(text, "container_info")
    assert (labels["owner_kind"], labels["owner_name"]) == ("Rollout", "web")
