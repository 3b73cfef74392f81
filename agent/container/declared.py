"""What a runtime wrote down of a container beside its bundle: ports, restarts, health check.

Docker      config.v2.json  "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0",
                            "HostPort":"8080"}]},"Networks":{"bridge":{…}}},
                            "Config":{"Healthcheck":{"Test":["CMD-SHELL","…"]}}
            hostconfig.json "RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}
Podman      its database    "newPortMappings":[{"host_ip":"","container_port":80,"host_port":8080,
                            "range":1,"protocol":"tcp"}],"restart_policy":"on-failure",
                            "restart_retries":3,"healthcheck":{"Test":[…]}; in a pod the ports are
                            the infra container's
containerd  CRI's metadata  of the sandbox: "port_mappings":[{"container_port":80,"host_port":80}]
CRI-O       sandbox bundle  annotation PortMappings: [{"HostPort":80,"ContainerPort":80,…}]

Pure. A question that a runtime does not have (ctr has no health checks, a kubelet's pod none that
its runtime knows) is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.container.statefile import Json, child, number, objects, strings, text
from agent.records import NamedTuple, dataclass


class PublishedPort(NamedTuple):
    """A port of the container that is one of the host's."""

    container_port: str
    """"80/tcp"."""
    host_ip: str
    """Of the host's interface; "" for all of them."""
    host_port: int
    """The first, where it is a range."""

    def __str__(self) -> str:
        host = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip or "*"
        return f"{host}:{self.host_port} to {self.container_port}"


class RestartPolicy(NamedTuple):
    """When the runtime starts it again by itself."""

    name: str
    """no, on-failure, always, unless-stopped."""
    retries: int
    """For on-failure; 0 is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One container's record. None: its runtime has no such thing, or does not say."""

    ports: tuple[PublishedPort, ...] | None = None
    """Published now, by the runtime's word; () for none."""
    restart: RestartPolicy | None = None
    health_check: bool | None = None
    health_log: str = ""
    """Podman's --health-log-destination: a directory, "events_logger", "" for its own place."""
    default_bridge: bool | None = None
    """Whether it is in Docker's default network, where everybody reaches everybody."""


def of_docker(config: Json, host_config: Json | None) -> Declared:
    """From Docker's two files; hostconfig.json may be missing."""
    settings = child(config, "NetworkSettings")
    policy = child(host_config or {}, "RestartPolicy")
    return Declared(
        ports=tuple(_docker_ports(child(settings, "Ports"))) if "Ports" in settings else None,
        restart=None if host_config is None else _policy(policy, "Name", "MaximumRetryCount"),
        health_check=has_test(child(config, "Config").get("Healthcheck")),
        default_bridge="bridge" in child(settings, "Networks") if settings else None,
    )


def of_podman(config: Json, ports: Json) -> Declared:
    """From Podman's configuration of a container, and that of the one whose network it has."""
    mappings = objects(ports, "newPortMappings") or objects(ports, "portMappings")
    destination = text(config, "healthLogDestination")
    return Declared(
        ports=tuple(mapped(mappings)),
        restart=_policy(config, "restart_policy", "restart_retries"),
        health_check=has_test(config.get("healthcheck")),
        health_log="" if destination == "local" else destination,
    )


def of_pod(mappings: Iterable[Json] | None) -> Declared | None:
    """From a Kubernetes pod's sandbox. None where that was not found: nothing is known then."""
    return None if mappings is None else Declared(ports=tuple(mapped(mappings)))


def mapped(mappings: Iterable[Json]) -> Iterable[PublishedPort]:
    """Port mappings as Podman, CRI and CRI-O write them; one without a host port is none."""
    for mapping in mappings:
        host_port = _first_number(mapping, ("host_port", "hostPort", "HostPort"))
        inside = _first_number(mapping, ("container_port", "containerPort", "ContainerPort"))
        if not host_port:
            continue
        protocol = mapping.get("protocol", mapping.get("Protocol"))
        ip = text(mapping, "host_ip") or text(mapping, "hostIP") or text(mapping, "HostIP")
        yield PublishedPort(f"{inside or host_port}/{_protocol(protocol)}", ip, host_port)


def has_test(check: object) -> bool:
    """Whether a health check of Docker's or Podman's does anything: ["NONE"] switches it off."""
    test: Sequence[str] = strings(check, "Test") if isinstance(check, dict) else ()
    return bool(test) and test[0] != "NONE"


def _docker_ports(ports: Json) -> Iterable[PublishedPort]:
    for inside in ports:
        for binding in objects(ports, inside):
            host_port = text(binding, "HostPort")
            if host_port.isascii() and host_port.isdecimal():
                yield PublishedPort(inside, text(binding, "HostIp"), int(host_port[:5]))


def _policy(of: Json, name: str, retries: str) -> RestartPolicy:
    return RestartPolicy(text(of, name) or "no", number(of, retries) or 0)


def _first_number(of: Json, keys: Sequence[str]) -> int | None:
    return next((found for key in keys if (found := number(of, key)) is not None), None)


def _protocol(value: object) -> str:
    """CRI's enum (TCP is 0 and left out) or a word."""
    if isinstance(value, str) and value:
        return value.lower()
    return {1: "udp", 2: "sctp"}.get(value, "tcp") if isinstance(value, int) else "tcp"
