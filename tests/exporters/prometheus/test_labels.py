"""exporters.prometheus.labels: who a series is about, in the kubelet's and in cAdvisor's words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporters.prometheus.escape import LONGEST, escape_label, sanitise
from exporters.prometheus.labels import CadvisorLabels, KubeletLabels, base_labels
from tests.agent.snapshots import docker, pod, sample
from tests.exporters.prometheus.test_encoder import parse_labels
from tests.exporters.prometheus.whole import container

COMPOSE = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
    "password": "hunter2",
}


def test_the_kubelets_labels_are_exactly_its_six_in_its_order() -> None:
    (text,) = KubeletLabels().of([sample(container=pod("shop", "search-0", "search"))])
    assert list(parse_labels(f"x{{{text}}}")) == [
        "container",
        "id",
        "image",
        "name",
        "namespace",
        "pod",
    ]


def test_cadvisors_labels_are_id_name_image_and_the_allowed_ones() -> None:
    labels = CadvisorLabels(["com.docker.compose.project", "com.docker.compose.service"])
    (text,) = labels.of([sample(path="/docker/1", container=container(labels=COMPOSE))])
    assert parse_labels(f"x{{{text}}}") == {
        "id": "/docker/1",
        "container_label_com_docker_compose_project": "shop",
        "container_label_com_docker_compose_service": "web",
        "image": "a:1",
        "name": "web",
    }


def test_a_label_that_another_container_has_is_empty_and_one_that_none_has_is_not_there() -> None:
    labels = CadvisorLabels(["com.docker.compose.project", "nobody.has.it"])
    root, web, plain = labels.of(
        [
            sample(inode=1, path="/"),
            sample(inode=2, path="/docker/1", container=container(labels=COMPOSE)),
            sample(inode=3, path="/docker/2", container=docker("plain")),
        ]
    )
    project = "container_label_com_docker_compose_project"
    assert parse_labels(f"x{{{root}}}") == {"id": "/", project: "", "image": "", "name": ""}
    assert parse_labels(f"x{{{web}}}")[project] == "shop"
    assert parse_labels(f"x{{{plain}}}")[project] == ""
    assert labels.of([sample(inode=1, path="/")]) == ['id="/"']


def test_of_labels_that_are_the_same_sanitised_only_one_is_there() -> None:
    made = container(labels={"a.b": "1", "a-b": "2"})
    (text,) = CadvisorLabels(["a.b", "a-b"]).of([sample(container=made)])
    assert text.count("container_label_a_b=") == 1


def test_labels_that_are_not_allowed_are_not_shown() -> None:
    (text,) = CadvisorLabels([]).of([sample(container=container(labels=COMPOSE))])
    assert "hunter2" not in text


def test_a_container_named_later_has_its_name_from_then_on() -> None:
    labels = base_labels("kubelet")
    assert 'name=""' in labels.of([sample(container=container(name=""))])[0]
    assert 'name="web"' in labels.of([sample(container=container())])[0]


def test_texts_of_gone_cgroups_are_forgotten() -> None:
    labels = KubeletLabels()
    labels.of([sample(inode=i, path=f"/docker/{i}") for i in range(1, 101)])
    labels.of([sample(inode=1, path="/docker/1")])
    assert len(labels._kept._texts) == 1


def test_a_label_of_a_mebibyte_is_cut_and_an_id_never_is() -> None:
    path = "/docker/" + "a" * 3000
    (text,) = KubeletLabels().of([sample(path=path, container=container(image="i" * 2**20))])
    found = parse_labels(f"x{{{text}}}")
    assert found["id"] == path
    assert found["image"] == "i" * (LONGEST - 1) + "…"


@given(st.binary(), st.binary())
def test_two_names_of_any_bytes_stay_two(one: bytes, other: bytes) -> None:
    texts = [name.decode("utf-8", "surrogateescape") for name in (one, other)]
    written = [escape_label(text) for text in texts]
    written[0].encode()
    if one != other and b"\\x" not in one + other:
        assert written[0] != written[1]


@given(st.text(), st.text())
def test_any_label_name_can_be_part_of_a_label(name: str, value: str) -> None:
    assert set(sanitise(name)) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
    )
    CadvisorLabels([name]).of([sample(container=container(labels={name: value}))])
