"""exporters/elasticsearch/fields.py"""

from __future__ import annotations

import json

from agent.logs.chunk import Extra
from agent.logs.entry import Value
from exporters.elasticsearch.fields import EcsFields, FlatFields

POD = {
    "container_id": "ab" * 32, "container_name": "web", "image": "demo:1", "namespace": "shop",
    "pod": "web-5f7d", "pod_uid": "0b3c", "runtime": "containerd", "host": "node-1",
    "label_app": "shop", "team": "blue",
}  # fmt: skip


def document(tail: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(b'{"m":0' + tail + b"}")
    return {key: value for key, value in found.items() if key != "m"}


def flat(extra: Extra | None = None, stream: str = "", offset: bytes = b"") -> dict[str, object]:
    return document(FlatFields({"pod": "web"}).tail(stream, offset, extra))


def ecs(extra: Extra | None = None) -> dict[str, object]:
    return document(EcsFields({"host": "node-1"}).tail("stdout", b"", extra))


def test_flat_names_are_those_of_every_destination() -> None:
    assert flat(None, "stdout", b"17") == {"stream": "stdout", "pod": "web", "offset": 17}
    assert flat() == {"pod": "web"}
    assert flat({"level": "error", "user.id": 7}) == {"pod": "web", "level": "error", "user.id": 7}


def test_what_a_line_brings_replaces_nothing_of_the_agents() -> None:
    found = flat({"message": "x", "@timestamp": "z", "offset": "y"}, offset=b"1")
    assert found["offset"] == 1
    assert (found["extra.message"], found["extra.@timestamp"]) == ("x", "z")
    assert found["extra.offset"] == "y"


def test_the_names_of_docker_attrs_have_no_dots() -> None:
    attrs: dict[str, Value] = {"app": "shop", "app.kubernetes.io/name": "web"}
    without = {"app": "shop", "app_kubernetes_io/name": "web"}
    assert flat({"attrs": attrs})["attrs"] == without
    assert ecs({"attrs": attrs})["docker"] == {"attrs": without}


def test_ecs_names_are_ecs_and_filebeats() -> None:
    found = document(EcsFields(POD).tail("stderr", b"4096", {"level": "error", "note": "cut"}))
    assert found == {
        "stream": "stderr",
        "container": {"id": "ab" * 32, "image": {"name": "demo:1"}, "runtime": "containerd"},
        "kubernetes": {
            "namespace": "shop",
            "container": {"name": "web"},
            "pod": {"name": "web-5f7d", "uid": "0b3c"},
        },
        "host": {"name": "node-1"},
        "labels": {"app": "shop"},
        "team": "blue",
        "ecs": {"version": "8.11.0"},
        "log": {"offset": 4096, "level": "error", "flags": ["cut"]},
    }


def test_a_container_without_a_pod_has_its_name() -> None:
    found = document(EcsFields({"container_name": "web"}).tail("", b"", None))
    assert found == {"container": {"name": "web"}, "ecs": {"version": "8.11.0"}}


def test_the_short_way_gives_what_the_long_one_does() -> None:
    for fields in (FlatFields(POD), EcsFields(POD)):
        assert document(fields.tail("stdout", b"7", None)) == document(
            fields.tail("stdout", b"7", {})
        )


def test_an_ecs_field_is_never_a_value_and_an_object() -> None:
    found = ecs({"user": "me", "user.id": 7, "a.b": 1, "a.c": 2, "host.ip": "::1", "log": "x"})
    assert found["user"] == "me"
    assert found["extra.user.id"] == 7
    assert found["a"] == {"b": 1, "c": 2}
    assert found["host"] == {"name": "node-1"}
    assert (found["extra.host.ip"], found["extra.log"]) == ("::1", "x")


def test_the_names_that_a_containers_fields_have_are_known() -> None:
    assert FlatFields.top(POD) == frozenset(POD)
    assert EcsFields.top(POD) == {"container", "kubernetes", "host", "labels", "team"}
