"""What the runtimes write down beside a bundle, by captured files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from agent.container import docker
from agent.container.crio import describe
from agent.container.declared import (
    Declared,
    PublishedPort,
    RestartPolicy,
    has_test,
    mapped,
    of_docker,
    of_podman,
)
from agent.container.oci import parse_bundle
from agent.container.podman_database import Databases
from tests.agent.container.tree import ID, captured, oci

CONFIG: dict[str, Any] = orjson.loads(captured("docker-config.v2.json"))
HOST_CONFIG: dict[str, Any] = orjson.loads(captured("docker-hostconfig.json"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *("NetworkSettings", "Ports", "Networks", "Config", "Healthcheck", "Test", "80/tcp"),
        *("HostPort", "HostIp", "RestartPolicy", "Name", "MaximumRetryCount", "healthcheck"),
        *("newPortMappings", "host_port", "container_port", "protocol", "restart_policy"),
    ]
)


def test_docker_says_it_in_two_files() -> None:
    assert of_docker(CONFIG, HOST_CONFIG) == Declared(
        ports=(),
        restart=RestartPolicy("on-failure", 3),
        health_check=False,
        default_bridge=False,
    )
    assert of_docker(CONFIG, None).restart is None


def test_dockers_published_ports_have_an_interface_each() -> None:
    settings = {
        "Networks": {"bridge": {}},
        "Ports": {
            "80/tcp": [
                {"HostIp": "0.0.0.0", "HostPort": "8080"},
                {"HostIp": "::", "HostPort": "8080"},
            ],
            "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}],
            "9/tcp": None,
        },
    }
    config = CONFIG | {
        "NetworkSettings": settings,
        "Config": {"Healthcheck": {"Test": ["CMD", "true"]}},
    }
    found = of_docker(config, HOST_CONFIG)
    assert found.ports == (
        PublishedPort("80/tcp", "0.0.0.0", 8080),
        PublishedPort("80/tcp", "::", 8080),
        PublishedPort("53/udp", "127.0.0.1", 53),
    )
    assert (found.health_check, found.default_bridge) == (True, True)


def test_a_health_check_that_is_switched_off_is_none() -> None:
    assert has_test({"Test": ["CMD-SHELL", "true"]})
    assert not has_test({"Test": ["NONE"]})
    assert not has_test({"Test": []})
    assert not has_test(None)


def test_a_pods_ports_under_cri_dockerd_are_its_sandboxs(tmp_path: Path) -> None:
    sandbox = "5" * 64
    ports = {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}
    labels = {"io.kubernetes.pod.name": "web", "io.kubernetes.sandbox.id": sandbox}
    for id_, config in (
        (ID, CONFIG | {"Config": {"Labels": labels}}),
        (sandbox, CONFIG | {"ID": sandbox, "NetworkSettings": {"Ports": ports}}),
    ):
        directory = tmp_path / id_
        directory.mkdir()
        (directory / docker.CONFIG).write_bytes(orjson.dumps(config))
    found = docker.read_container(str(tmp_path / ID))
    assert found is not None
    assert found.container.declared is not None
    assert found.container.declared.ports == (PublishedPort("80/tcp", "", 80),)


def test_podman_says_it_in_its_configuration() -> None:
    mappings = [
        {"host_ip": "", "container_port": 80, "host_port": 8080, "range": 1, "protocol": "tcp"}
    ]
    config = {
        "restart_policy": "always",
        "healthcheck": {"Test": ["CMD-SHELL", "true"]},
        "newPortMappings": mappings,
    }
    assert of_podman(config, config) == Declared(
        ports=(PublishedPort("80/tcp", "", 8080),),
        restart=RestartPolicy("always", 0),
        health_check=True,
    )
    infra: dict[str, object] = {"newPortMappings": None, "portMappings": None}
    assert of_podman({}, infra) == Declared(
        ports=(), restart=RestartPolicy("no", 0), health_check=False
    )


def test_both_databases_of_podman_have_it(tmp_path: Path) -> None:
    (tmp_path / "libpod").mkdir()
    nothing = Declared(ports=(), restart=RestartPolicy("no", 0), health_check=False)
    for name, file, id_ in (
        (
            "podman5-db.sql",
            "db.sql",
            "e47dc79eb7eee7b2dbe3dbf79f477a8017668c923417b73f6c78d52899e52a60",
        ),
        (
            "podman4-bolt_state.db",
            "bolt_state.db",
            "8fadb442d8c0dfdd502e63ed8ed5418c4664f6f8647e7a92594ca9a98ef6c6c8",
        ),
    ):
        (tmp_path / "libpod" / file).write_bytes(captured(name))
        found = Databases().get(str(tmp_path), id_)
        assert found is not None
        assert found.declared == nothing


def test_cri_leaves_out_what_is_zero() -> None:
    assert list(
        mapped(
            [
                {"container_port": 80},  # not the host's
                {"container_port": 80, "host_port": 8080},
                {"protocol": 1, "container_port": 53, "host_port": 53, "host_ip": "10.0.0.1"},
            ]
        )
    ) == [PublishedPort("80/tcp", "", 8080), PublishedPort("53/udp", "10.0.0.1", 53)]


def test_cri_os_ports_are_in_the_sandboxs_bundle() -> None:
    own = {"io.container.manager": "cri-o", "io.kubernetes.cri-o.SandboxID": "s"}
    bundle = parse_bundle(oci(own), "x")
    mappings = '[{"HostPort":80,"ContainerPort":8080,"Protocol":"TCP","HostIP":""}]'
    sandbox = parse_bundle(oci({"io.kubernetes.cri-o.PortMappings": mappings}), "x")
    found = describe(ID, bundle, "x", sandbox)
    assert found.declared == Declared(ports=(PublishedPort("8080/tcp", "", 80),))
    assert describe(ID, bundle, "x").declared is None


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, JSON) | JSON), st.dictionaries(KEYS, JSON))
def test_whatever_is_in_the_files_nothing_is_raised(
    config: dict[str, Any], other: dict[str, Any]
) -> None:
    for declared in (of_docker(config, other), of_podman(config, other)):
        for port in declared.ports or ():
            assert port.host_port > 0
            assert str(port)
