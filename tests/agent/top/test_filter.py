"""filter: which rows a text keeps."""

from __future__ import annotations

import pytest

from agent.container.container import Container
from agent.top.filter import parse_filter
from agent.usage import Usage, usages
from tests.agent.snapshots import docker, pod, sample, snapshot


def usage(container: Container | None, path: str = "/docker/a1") -> Usage:
    return usages(None, snapshot(sample(container=container, path=path)))[0]


@pytest.mark.parametrize("text", ["", "  ", "web", "WEB", "demo:1", "docker", "/docker/a1"])
def test_a_container_is_found_by_name_image_runtime_and_path(text: str) -> None:
    assert parse_filter(text).matches(usage(docker("web-1")))


def test_a_pods_container_is_found_across_its_title() -> None:
    assert parse_filter("shop/checkout").matches(usage(pod("shop", "checkout-7c9f", "api")))


def test_an_id_is_found_by_its_start_only() -> None:
    container = docker("web", image="x")
    assert parse_filter(container.id[:4]).matches(usage(container, path="/x"))
    assert not parse_filter(container.id[2:]).matches(usage(container, path="/x"))


def test_what_is_no_container_is_found_by_its_path() -> None:
    assert parse_filter("ssh").matches(usage(None, "/system.slice/ssh.service"))
    assert not parse_filter("docker").matches(usage(None, "/system.slice/ssh.service"))
