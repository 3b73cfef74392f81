"""Docker's own record of a container: config.v2.json and hostconfig.json.

Files   <data root>/containers/<id>/{config.v2.json,hostconfig.json}
        Written by moby's daemon/container; not documented, the same since Docker 1.10.
        Replaced as a whole (written beside, renamed) at create, start, rename and exit: never torn.

    {"State":{"Running":true,"Pid":22239,"StartedAt":"2026-11-24T02:59:52.027558048Z",…},
     "ID":"d4d50b77…","Name":"/rt-test","Image":"sha256:552ee953…","RestartCount":0,
     "LogPath":"/var/lib/docker/containers/d4d5…/d4d5…-json.log","Config":{"Image":"busybox:local",
     "Labels":{"app":"demo"},…},…}

The log driver stands in hostconfig.json: "LogConfig":{"Type":"json-file",…}.

With images in containerd (Docker 29's default, on demand since 24) "Image" is the digest of the
image's manifest or index, no more of its config, and "ImageManifest":{"digest":"sha256:d630…",…}
is that of this machine's manifest.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from typing import Final

from agent.container.container import Container, Kind
from agent.container.declared import of_docker
from agent.container.log_annotations import from_docker_labels
from agent.container.oci import Bundle
from agent.container.statefile import (
    Json,
    UnreadableState,
    child,
    number,
    read_object,
    text,
    texts,
)
from agent.records import NamedTuple, replace

CONFIG: Final = "config.v2.json"
_SNAPSHOTTERS: Final = ("overlayfs", "native", "stargz", "nydus")
"""Values of Driver with images in containerd; with Docker's own it is overlay2, vfs and so on."""
ID: Final = re.compile(r"[0-9a-f]{64}\Z")
"""A container's id, and the name of its directory."""
_ETC_MOUNT = re.compile(r"(?P<root>/.+)/containers/[0-9a-f]{64}/(?:resolv\.conf|hostname|hosts)\Z")


class DockerContainer(NamedTuple):
    """One config.v2.json."""

    container: Container
    """`started` is the last start; `pid` is None while it does not run."""
    running: bool
    manifest: str = ""
    """Digest of the image's manifest, where that is known and its config's is not."""


def read_container(directory: str) -> DockerContainer | None:
    """
    Read the two files in `directory`, <data root>/containers/<id>.

    None where config.v2.json is absent. Raises `Denied`, `UnreadableState`.
    """
    path = f"{directory}/{CONFIG}"
    config = read_object(path)
    if config is None:
        return None
    found = parse_container(config, read_object(f"{directory}/hostconfig.json"), path)
    return _with_pod(found, config, os.path.dirname(directory)) if found.container.pod else found


def _with_pod(found: DockerContainer, config: Json, containers: str) -> DockerContainer:
    """A pod's ports are published by its sandbox, which cri-dockerd notes in a label, and its
    annotations are labels of the sandbox."""
    container = found.container
    sandbox = container.labels.get("io.kubernetes.sandbox.id") or text(config, "ID")
    pod = read_object(f"{containers}/{sandbox}/{CONFIG}") if ID.match(sandbox) else None
    if container.declared is not None:
        ports = None if pod is None else of_docker(pod, None).ports
        container = replace(container, declared=replace(container.declared, ports=ports))
    if pod is not None:
        asked = from_docker_labels(texts(child(pod, "Config"), "Labels"))
        container = replace(container, log_annotations=asked)
    return found._replace(container=container)


def parse_container(config: Json, host_config: Json | None, path: str) -> DockerContainer:
    """Turn the two objects into a Container. `path` names config.v2.json in messages."""
    id_ = text(config, "ID")
    if not id_:
        raise UnreadableState(path, "no ID in it")
    state = child(config, "State")
    running = state.get("Running") is True
    labels = texts(child(config, "Config"), "Labels")
    log_path = text(config, "LogPath")
    driver = text(child(host_config or {}, "LogConfig"), "Type")
    json_file = driver == "json-file" or (not driver and log_path.endswith("-json.log"))
    name = text(config, "Name").removeprefix("/")
    manifest = _manifest(config)
    return DockerContainer(
        Container(
            runtime="docker",
            id=id_,
            kind=_kind(labels),
            name=name,
            image=text(child(config, "Config"), "Image"),
            image_id="" if manifest else text(config, "Image"),
            # The kubelet's labels, where Docker is the runtime under cri-dockerd.
            container="" if _is_sandbox(labels) else labels.get("io.kubernetes.container.name", ""),
            pod=labels.get("io.kubernetes.pod.name", ""),
            namespace=labels.get("io.kubernetes.pod.namespace", ""),
            pod_uid=labels.get("io.kubernetes.pod.uid", ""),
            attempt=_attempt(labels, config),
            labels=labels,
            pid=(number(state, "Pid") or None) if running else None,
            created=parse_time(text(config, "Created")),
            started=parse_time(text(state, "StartedAt")),
            declared=of_docker(config, host_config),
            log_driver=driver,
            log_path=log_path if json_file else "",
            log_format="docker" if json_file else "docker-local" if driver == "local" else "",
            source="docker",
            complete=bool(name),
        ),
        running,
        manifest,
    )


def _manifest(config: Json) -> str:
    found = text(child(config, "ImageManifest"), "digest")
    if not found and text(config, "Driver") in _SNAPSHOTTERS:
        found = text(config, "Image")
    return found


def data_root_of(bundle: Bundle) -> str | None:
    """
    The data root of the daemon that made this bundle, from where it mounts /etc/hosts and the like.

    They may be another container's (--network container:NAME), the root is the same.
    """
    for source, _ in bundle.mounts:
        if match := _ETC_MOUNT.match(source):
            return match["root"]
    return None


def parse_time(value: str) -> float | None:
    """RFC 3339 → Unix seconds. None for "" and for Go's zero time, the year 1."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.timestamp() if moment.year > 1 and moment.tzinfo is not None else None


def _attempt(labels: dict[str, str], config: Json) -> int | None:
    kubernetes = labels.get("annotation.io.kubernetes.container.restartCount", "")
    return int(kubernetes) if kubernetes.isdecimal() else number(config, "RestartCount")


def _is_sandbox(labels: dict[str, str]) -> bool:
    return labels.get("io.kubernetes.docker.type") == "podsandbox"


def _kind(labels: dict[str, str]) -> Kind:
    return Kind.SANDBOX if _is_sandbox(labels) else Kind.CONTAINER
