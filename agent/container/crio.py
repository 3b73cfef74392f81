"""CRI-O's containers: everything stands in the annotations of the bundle.

    io.container.manager                    cri-o (Podman writes libpod, and also some of the below)
    io.kubernetes.cri-o.ContainerType       container, sandbox
    io.kubernetes.container.name            app
    io.kubernetes.pod.{name,namespace,uid}
    io.kubernetes.cri-o.{ImageName,LogPath}
    io.kubernetes.cri-o.{ImageRef,Image}    digest or id of the image
    io.kubernetes.cri-o.Metadata            {"name":"app","attempt":2}
    io.kubernetes.cri-o.Labels              JSON object of texts
    io.kubernetes.cri-o.SandboxID           whose bundle has the pod's ports and annotations:
    io.kubernetes.cri-o.PortMappings        [{"HostPort":80,"ContainerPort":80,"Protocol":"TCP",…}]
    io.kubernetes.cri-o.Annotations         the pod's, a JSON object of texts

Source: cri-o's pkg/annotations and server/container_create.go.
"""

from __future__ import annotations

import re

from agent.container.container import Container, Kind
from agent.container.declared import Declared, of_pod
from agent.container.log_annotations import log_annotations
from agent.container.oci import Bundle
from agent.container.statefile import Json, as_object, number, objects, parse_json

CRIO = "io.kubernetes.cri-o."
_CONFIG_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})\Z")


def is_crio(bundle: Bundle) -> bool:
    """Whether CRI-O made this bundle; Podman's have the same kind of annotations."""
    return bundle.annotations.get("io.container.manager") == "cri-o"


def sandbox_id(bundle: Bundle) -> str:
    """Id of the pod's sandbox; "" where the annotation is missing."""
    return bundle.annotations.get(f"{CRIO}SandboxID", "")


def describe(id_: str, bundle: Bundle, path: str, sandbox: Bundle | None = None) -> Container:
    """
    `path` names the bundle in messages; `sandbox` is the pod's, where it was found.

    Raises `UnreadableState` for a broken annotation.
    """
    annotations = bundle.annotations
    is_sandbox = annotations.get(f"{CRIO}ContainerType") == "sandbox"
    # A container's own are the kubelet's; those of the pod's author are the sandbox's.
    labels = _labels(sandbox, path) | _labels(bundle, path)
    metadata = _json_annotation(annotations.get(f"{CRIO}Metadata", ""), path)
    log_path = "" if is_sandbox else annotations.get(f"{CRIO}LogPath", "")
    image = annotations.get(f"{CRIO}ImageName", "") or annotations.get(f"{CRIO}Image", "")
    return Container(
        runtime="cri-o",
        id=id_,
        kind=Kind.SANDBOX if is_sandbox else Kind.CONTAINER,
        name=id_,
        image=image,
        image_id=_image_id(annotations.get(f"{CRIO}ImageRef", "")),
        container="" if is_sandbox else annotations.get("io.kubernetes.container.name", ""),
        pod=annotations.get("io.kubernetes.pod.name", ""),
        namespace=annotations.get("io.kubernetes.pod.namespace", ""),
        pod_uid=annotations.get("io.kubernetes.pod.uid", ""),
        # proto3 leaves out a zero.
        attempt=(number(metadata, "attempt") or 0) if metadata and not is_sandbox else None,
        labels=labels,
        declared=_ports(bundle if is_sandbox else sandbox, path),
        log_annotations=_log_annotations(bundle if is_sandbox else sandbox, path),
        log_path=log_path,
        log_format="cri" if log_path else "",
        source="cri-o",
        complete=bool(image),
    )


def _labels(bundle: Bundle | None, path: str) -> dict[str, str]:
    value = bundle.annotations.get(f"{CRIO}Labels", "") if bundle is not None else ""
    found = _json_annotation(value, path)
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _ports(sandbox: Bundle | None, path: str) -> Declared | None:
    value = sandbox.annotations.get(f"{CRIO}PortMappings", "") if sandbox is not None else ""
    found = {"ports": parse_json(value.encode(), path)} if value else None
    return of_pod(None if found is None else objects(found, "ports"))


def _log_annotations(sandbox: Bundle | None, path: str) -> dict[str, str]:
    value = sandbox.annotations.get(f"{CRIO}Annotations", "") if sandbox is not None else ""
    return log_annotations(_json_annotation(value, path))


def _image_id(reference: str) -> str:
    match = _CONFIG_DIGEST.match(reference)
    return f"sha256:{match[1]}" if match else ""


def _json_annotation(value: str, path: str) -> Json:
    return as_object(parse_json(value.encode(), path), path) if value else {}
