"""What a runtime's own record says: published ports, restarts, health check.

CIS Docker 5.8, 5.14, 5.15, 5.27, 5.30; Pod Security Standards, Host Ports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.container.container import Container
from agent.container.declared import Declared, PublishedPort
from agent.security.check import PASSED, Verdict, failed, fails_if, not_applicable, unknown
from agent.security.facts import Facts

MOST_RESTARTS: Final = 5
"""CIS Docker 5.15: on-failure:5."""
_FIRST_ORDINARY: Final = 1024
"""Ports below it are for root to open."""
_ALL_INTERFACES: Final = ("", "0.0.0.0", "::")  # noqa: S104 names to compare with
_RECORDED: Final = ("docker", "podman")
"""Runtimes that keep restart policies and health checks."""
_UNREAD: Final = "its runtime's record of it could not be read"
_NO_RECORD: Final = "its runtime publishes no ports, restarts nothing and checks no health"
_KUBELET: Final = "in a pod this is the kubelet's, and its runtime does not know"


def host_ports(facts: Facts) -> Verdict:
    if not _in_kubernetes(facts.container):
        return not_applicable("it is in no Kubernetes pod")
    return _ports(facts, lambda _: True)


def ports_on_all_interfaces(facts: Facts) -> Verdict:
    return _ports(facts, lambda port: port.host_ip in _ALL_INTERFACES)


def privileged_ports(facts: Facts) -> Verdict:
    return _ports(facts, lambda port: port.host_port < _FIRST_ORDINARY)


def unlimited_restarts(facts: Facts) -> Verdict:
    found = _recorded(facts)
    if isinstance(found, Verdict):
        return found
    policy = found.restart
    if policy is None:
        return unknown(_UNREAD)
    if policy.name in ("always", "unless-stopped"):
        return failed(policy.name)
    if policy.name == "on-failure" and not 0 < policy.retries <= MOST_RESTARTS:
        return failed(f"on-failure, {policy.retries or 'any number of'} times")
    return PASSED


def no_health_check(facts: Facts) -> Verdict:
    found = _recorded(facts)
    if isinstance(found, Verdict):
        return found
    has_one = found.health_check
    return fails_if(None if has_one is None else not has_one, "none is set", _UNREAD)


def default_bridge(facts: Facts) -> Verdict:
    if facts.container.runtime != "docker":
        return not_applicable("not Docker's")
    found = _recorded(facts)
    if isinstance(found, Verdict):
        return found
    return fails_if(found.default_bridge, "its network is bridge", _UNREAD)


def _ports(facts: Facts, bad: Callable[[PublishedPort], bool]) -> Verdict:
    container = facts.container
    if container.runtime not in _RECORDED and not _in_kubernetes(container):
        return not_applicable(_NO_RECORD)
    if container.declared is None or container.declared.ports is None:
        return unknown(_UNREAD)
    found = [str(port) for port in container.declared.ports if bad(port)]
    return failed("; ".join(dict.fromkeys(found))) if found else PASSED


def _recorded(facts: Facts) -> Declared | Verdict:
    """The record, or why there is none to judge."""
    container = facts.container
    if _in_kubernetes(container):
        return not_applicable(_KUBELET)
    if container.runtime not in _RECORDED:
        return not_applicable(_NO_RECORD)
    return unknown(_UNREAD) if container.declared is None else container.declared


def _in_kubernetes(container: Container) -> bool:
    # A Podman pod has a uid and no namespace.
    return bool(container.pod_uid) and container.runtime != "podman"
