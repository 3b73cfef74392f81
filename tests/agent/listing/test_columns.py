from __future__ import annotations

import json
from dataclasses import replace

from agent.listing.columns import json_document, json_lines, table
from agent.model import Sample
from agent.selection.item import Item
from agent.usage import usages
from tests.agent.snapshots import WALL, docker, pod, reading, sample, snapshot

WEB = replace(docker("web"), attempt=2)


def items(*samples: Sample) -> list[Item]:
    host = snapshot(*samples, at=60)
    return [
        Item(cgroup=u.cgroup, container=u.container, usage=u, wall_time=host.wall_time)
        for u in usages(None, host)
    ]


def test_a_table_says_who_they_are() -> None:
    shown = table(
        items(
            sample(inode=1, container=WEB),
            sample(reading(frozen=True), inode=2, container=pod("shop", "api", "app")),
        ),
        headers=True,
        truncate=True,
    )
    heading, web, api = shown.splitlines()
    assert heading.split() == ["NAME", "STATE", "AGE", "RESTARTS", "RUNTIME", "IMAGE", "POD", "ID"]
    assert web.split() == ["web", "running", "1h01m", "2", "docker", "demo:1", "776562"]
    assert api.split()[:2] == ["shop/api/app", "paused"]
    assert api.split()[3:7] == ["?", "containerd", "docker.io/shop/api:4.2", "shop/api"]


def test_a_long_image_keeps_its_end_and_loses_its_digest() -> None:
    image = "registry.example.com/some/where/deep/down/shop-api:v1.2.3"
    one = items(sample(container=replace(WEB, image=f"{image}@sha256:{'0' * 64}", id="a" * 64)))
    assert f"…{image[-39:]}" in table(one, headers=False, truncate=True)
    assert f"{image}@sha256:{'0' * 64}" in table(one, headers=False, truncate=False)
    assert "a" * 64 in table(one, headers=False, truncate=False)
    assert "a" * 13 not in table(one, headers=False, truncate=True)


def test_one_without_a_cgroup_is_there() -> None:
    one = Item(cgroup=None, container=WEB, usage=None, wall_time=WALL)
    (line,) = json_lines([one]).splitlines()
    assert json.loads(line)["cgroup"] is None
    assert json.loads(line)["state"] == "running"


def test_json_has_numbers_and_null() -> None:
    one = items(sample(container=replace(WEB, attempt=None, name="w\udcff")))
    document = json.loads(json_document(one, WALL + 60))
    assert document["time"] == WALL + 60
    (container,) = document["containers"]
    assert container["age"] == 3660.0
    assert container["restarts"] is None
    assert container["name"] == "w\\udcff"


def test_no_container_is_a_heading_alone() -> None:
    assert len(table([], headers=True, truncate=True).splitlines()) == 1
    assert table([], headers=False, truncate=True) == ""
