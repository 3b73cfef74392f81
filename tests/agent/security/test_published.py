"""The checks of what a runtime's own record says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.container.container import Container
from agent.container.declared import Declared, PublishedPort, RestartPolicy
from tests.agent.security.samples import CONTAINER, facts, failing, posture, unknown

DECLARED = CONTAINER.declared or Declared()
OPEN = PublishedPort("80/tcp", "0.0.0.0", 8080)
LOCAL = PublishedPort("80/tcp", "127.0.0.1", 8080)
CHECKS = {
    *("host_ports", "ports_on_all_interfaces", "privileged_ports", "default_bridge"),
    *("unlimited_restarts", "no_health_check"),
}
POD = replace(
    CONTAINER,
    runtime="containerd",
    pod="web",
    namespace="demo",
    pod_uid="599e",
    declared=Declared(ports=()),
)


def found(container: Container) -> dict[str, str]:
    return {
        check: evidence
        for check, evidence in failing(facts(container=container)).items()
        if check in CHECKS
    }


def docker(**changes: object) -> Container:
    return replace(CONTAINER, declared=replace(DECLARED, **changes))  # type: ignore[arg-type]


def test_a_container_with_nothing_of_it_fails_none() -> None:
    assert found(CONTAINER) == {}


@pytest.mark.parametrize("ip", ["", "0.0.0.0", "::"])
def test_a_port_of_every_interface_is_told(ip: str) -> None:
    assert list(found(docker(ports=(OPEN._replace(host_ip=ip),)))) == ["ports_on_all_interfaces"]


def test_a_port_of_one_interface_is_fine_from_1024_on() -> None:
    assert found(docker(ports=(LOCAL, LOCAL._replace(host_port=1024)))) == {}
    assert found(docker(ports=(LOCAL._replace(host_port=1023),))) == {
        "privileged_ports": "127.0.0.1:1023 to 80/tcp"
    }
    six = LOCAL._replace(host_ip="::1", host_port=443)
    assert found(docker(ports=(six,))) == {"privileged_ports": "[::1]:443 to 80/tcp"}


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (RestartPolicy("no", 0), None),
        (RestartPolicy("on-failure", 5), None),
        (RestartPolicy("on-failure", 6), "on-failure, 6 times"),
        (RestartPolicy("on-failure", 0), "on-failure, any number of times"),
        (RestartPolicy("always", 0), "always"),
        (RestartPolicy("unless-stopped", 0), "unless-stopped"),
    ],
)
def test_restarts_are_to_end_after_five(policy: RestartPolicy, told: str | None) -> None:
    assert found(docker(restart=policy)).get("unlimited_restarts") == told


def test_a_missing_health_check_and_the_default_network_are_told() -> None:
    assert list(found(docker(health_check=False))) == ["no_health_check"]
    assert list(found(docker(default_bridge=True))) == ["default_bridge"]
    podman = replace(docker(health_check=False), runtime="podman")
    assert list(found(podman)) == ["no_health_check"]


def test_a_host_port_is_the_pods_and_denies_baseline() -> None:
    taken = replace(POD, declared=Declared(ports=(OPEN,)))
    assert set(found(taken)) == {"host_ports", "ports_on_all_interfaces"}
    levels = {f.check.id: f.level for f in posture(facts(container=taken)).failed}
    assert levels["host_ports"] == "baseline"
    # Outside Kubernetes the Pod Security Standards say nothing of it.
    assert "host_ports" not in failing(facts(container=docker(ports=(OPEN,))))


def test_in_a_pod_restarts_and_health_are_the_kubelets() -> None:
    assert found(POD) == {}
    assert unknown(facts(container=POD)).isdisjoint(CHECKS)


def test_what_could_not_be_read_is_unknown_and_not_passed() -> None:
    docker_unread = replace(CONTAINER, declared=None)
    assert unknown(facts(container=docker_unread)) == CHECKS - {"host_ports"}
    assert unknown(facts(container=replace(CONTAINER, declared=Declared()))) == CHECKS - {
        "host_ports"
    }
    pod_unread = replace(POD, declared=None)
    assert unknown(facts(container=pod_unread)) == {
        *("host_ports", "ports_on_all_interfaces", "privileged_ports")
    }
    assert posture(facts(container=pod_unread)).profile == "privileged"


def test_a_runtime_without_such_a_record_is_not_asked() -> None:
    bare = replace(CONTAINER, runtime="runc", declared=None)
    assert unknown(facts(container=bare)).isdisjoint(CHECKS)
    assert found(bare) == {}
