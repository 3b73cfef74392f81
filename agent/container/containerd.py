"""containerd's containers: Kubernetes' through CRI, and those of ctr and nerdctl.

Bundle  <state>/io.containerd.runtime.v2.task/<namespace>/<id>/{config.json,init.pid,work}
        `work` is a symbolic link into the root directory, so it also tells where meta.db is.
        CRI's annotations: io.kubernetes.cri.{container-type,container-name,image-name,sandbox-id,
        sandbox-name,sandbox-namespace,sandbox-uid,sandbox-log-directory}, see containerd's
        internal/cri/annotations. ctr's and nerdctl's annotations are the labels.
meta.db <root>/io.containerd.metadata.v1.bolt/meta.db, buckets v1/<namespace>/containers/<id>:
        image, labels, extensions. The same in containerd 1.6, 1.7 and 2.1; internal, so every
        part of it may be missing.

        io.cri-containerd.container.metadata → protobuf Any around
        {"Metadata":{"Config":{"metadata":{"name":"app","attempt":2},…},"ImageRef":"sha256:552e…",
         "LogPath":"/var/log/pods/demo_web_599e…/app/2.log","SandboxID":"5f9a…"}}
        The sandbox's Config has the pod's annotations, of which `log_annotations` are kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from agent.container.bolt import Bucket, look
from agent.container.container import Container, Kind
from agent.container.declared import Declared, of_pod
from agent.container.log_annotations import log_annotations
from agent.container.oci import Bundle
from agent.container.statefile import (
    Json,
    UnreadableState,
    as_object,
    child,
    link,
    names,
    number,
    objects,
    parse_json,
    read_object,
    text,
)
from agent.kernelfile import Denied
from agent.protobuf import Malformed, read_fields
from agent.records import NamedTuple

CRI: Final = "io.kubernetes.cri."
TASKS: Final = "io.containerd.runtime.v2.task"
META: Final = "io.containerd.metadata.v1.bolt/meta.db"
_BLOBS: Final = "io.containerd.content.v1.content/blobs"
_DIGEST = re.compile(r"(sha256|sha512):([0-9a-f]{64,128})\Z")
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


class Record(NamedTuple):
    """One container in meta.db. Text that is not there is ""."""

    image: str
    image_id: str
    """Config digest. Only CRI writes it down; for others see `image_config`."""
    target: str
    """Digest of the image's manifest or index."""
    labels: Mapping[str, str]
    """The container's; in a pod, over the pod's own."""
    attempt: int | None
    log_path: str
    declared: Declared | None = None
    """Of a pod: its ports, which the sandbox has."""
    log_annotations: Mapping[str, str] = {}
    """Of a pod, likewise."""


def describe(id_: str, bundle: Bundle, record: Record | None, sandbox: Bundle | None) -> Container:
    """
    The identity of a container from its bundle, and what meta.db and the pod's sandbox add.

    `record` is None where meta.db is not to be found; `sandbox` for anything that is in no pod.
    """
    kind = bundle.annotations.get(f"{CRI}container-type", "")
    if kind:
        return _cri(id_, bundle, record, sandbox, kind == "sandbox")
    labels = record.labels if record is not None else bundle.annotations
    image = record.image if record is not None else ""
    log_path = nerdctl_log(id_, labels)
    return Container(
        runtime="containerd",
        id=id_,
        name=labels.get("nerdctl/name") or id_,
        image=image,
        image_id=record.image_id if record is not None else "",
        labels=labels,
        log_path=log_path,
        log_format="docker" if log_path else "",
        source="oci" if record is None else "containerd",
        complete=bool(image),
    )


def _cri(
    id_: str, bundle: Bundle, record: Record | None, sandbox: Bundle | None, is_sandbox: bool
) -> Container:
    annotations = bundle.annotations
    container = "" if is_sandbox else annotations.get(f"{CRI}container-name", "")
    # containerd 1.6 says a sandbox's image in meta.db alone.
    image = annotations.get(f"{CRI}podsandbox.image-name" if is_sandbox else f"{CRI}image-name", "")
    if record is not None and not image:
        image = record.image
    attempt = record.attempt if record is not None else None
    log_path = record.log_path if record is not None else ""
    directory = sandbox.annotations.get(f"{CRI}sandbox-log-directory", "") if sandbox else ""
    if not log_path and directory and container and attempt is not None:
        log_path = f"{directory}/{container}/{attempt}.log"
    return Container(
        runtime="containerd",
        id=id_,
        kind=Kind.SANDBOX if is_sandbox else Kind.CONTAINER,
        name=id_,
        image=image,
        image_id=record.image_id if record is not None else "",
        container=container,
        pod=annotations.get(f"{CRI}sandbox-name", ""),
        namespace=annotations.get(f"{CRI}sandbox-namespace", ""),
        pod_uid=annotations.get(f"{CRI}sandbox-uid", ""),
        attempt=None if is_sandbox else attempt,
        labels=record.labels if record is not None else {},
        declared=record.declared if record is not None else None,
        log_path=log_path,
        log_format="cri" if log_path else "",
        source="cri",
        complete=bool(image),
    )


def log_directory(bundle: Bundle, sandbox: Bundle) -> str:
    """Where the attempts' logs of a CRI container are: <sandbox's log directory>/<name>; or ""."""
    name = bundle.annotations.get(f"{CRI}container-name", "")
    directory = sandbox.annotations.get(f"{CRI}sandbox-log-directory", "")
    return f"{directory}/{name}" if name and directory else ""


def last_attempt(directory: str) -> int | None:
    """The highest N of the N.log files in `directory`. Raises `Denied`, OSError."""
    logs = names(directory)
    attempts = [int(name[:-4]) for name in logs if name.endswith(".log") and name[:-4].isdecimal()]
    return max(attempts, default=None)


def nerdctl_log(id_: str, labels: Mapping[str, str]) -> str:
    """nerdctl's json-file of a container; "" for ctr's, which keep no log."""
    directory = labels.get("nerdctl/state-dir", "")
    return f"{directory}/{id_}-json.log" if directory else ""


def root_of(bundle_directory: str) -> str:
    """
    containerd's root directory, where the bundle's `work` link leads; "" where it does not say.

    Also the place to look in a private containerd, whose root stands nowhere else but its config.
    """
    try:
        target = link(f"{bundle_directory}/work")
    except Denied:
        return ""
    root, found, _ = target.rpartition(f"/{TASKS}/")
    return root if found else ""


def read_record(root: str, namespace: str, id_: str) -> Record | None:
    """
    The container in `root`'s meta.db. None where the file or the container is absent.

    Raises `Denied`, `UnreadableState`.
    """
    path = f"{root}/{META}"
    return look(path, lambda top: _record(top, namespace.encode(), id_.encode(), path))


def _record(top: Bucket, namespace: bytes, id_: bytes, path: str) -> Record | None:
    found = top.bucket(b"v1", namespace, b"containers", id_)
    if found is None:
        return None
    image = found.get(b"image") or b""
    target = top.bucket(b"v1", namespace, b"images", image, b"target")
    metadata = _cri_metadata(found.bucket(b"extensions"), path)
    config = child(metadata, "Config")
    pod = top.bucket(b"v1", namespace, b"containers", text(metadata, "SandboxID").encode())
    sandbox = metadata if pod is None else _cri_metadata(pod.bucket(b"extensions"), path)
    return Record(
        image=_image_name(_decode(image), child(config, "image")),
        image_id=text(metadata, "ImageRef"),
        target=_decode((target.get(b"digest") or b"") if target is not None else b""),
        labels={**_labels(pod), **_labels(found)},
        # proto3 leaves out a zero, so a CRI container without an attempt is the first one.
        attempt=(number(child(config, "metadata"), "attempt") or 0) if metadata else None,
        log_path=text(metadata, "LogPath"),
        declared=_ports(sandbox) if metadata else None,
        log_annotations=log_annotations(child(child(sandbox, "Config"), "annotations")),
    )


def _ports(sandbox: Json) -> Declared | None:
    # Of a container whose sandbox is gone there is only its own configuration, which has no labels
    # of a pod: it has an image.
    config = child(sandbox, "Config")
    return of_pod(None if not config or "image" in config else objects(config, "port_mappings"))


def _image_name(image: str, asked: Json) -> str:
    # The kubelet asks for an image by its id; what the pod's author wrote is beside it.
    if image.startswith("sha256:"):
        return text(asked, "user_specified_image") or image
    return image


def _labels(container: Bucket | None) -> dict[str, str]:
    labels = container.bucket(b"labels") if container is not None else None
    return {_decode(key): _decode(value) for key, value in labels.items()} if labels else {}


def _cri_metadata(extensions: Bucket | None, path: str) -> Json:
    """CRI's own record, whichever of the two it is; empty for a container that is not CRI's."""
    for kind in (b"container", b"sandbox"):
        name = b"io.cri-containerd." + kind + b".metadata"
        data = extensions.get(name) if extensions is not None else None
        if data is not None:
            return child(as_object(parse_json(_any_value(data, path), path), path), "Metadata")
    return {}


def _any_value(data: bytes, path: str) -> bytes:
    """What is in a google.protobuf.Any: its field 2."""
    try:
        value = dict(read_fields(data)).get(2)
    except Malformed as error:
        raise UnreadableState(path, str(error)) from None
    return value if isinstance(value, bytes) else b""


def image_config(root: str, target: str) -> str:
    """
    Digest of the config of the image whose manifest or index is `target`, from the content store.

    The same in every runtime, which the manifest's is not. "" where the store does not have it.
    Raises `Denied`, `UnreadableState`.
    """
    for _ in range(2):  # an index, then a manifest
        match = _DIGEST.match(target)
        found = read_object(f"{root}/{_BLOBS}/{match[1]}/{match[2]}") if match else None
        if found is None:
            return ""
        if digest := text(child(found, "config"), "digest"):
            return digest
        target = _manifest(found)
    return ""


def _manifest(index: Json) -> str:
    """The digest of this machine's manifest in an image index."""
    found = objects(index, "manifests")
    machine = os.uname().machine
    for item in found:
        wanted = child(item, "platform")
        if text(wanted, "os") == "linux" and text(wanted, "architecture") == _ARCHITECTURES.get(
            machine, machine
        ):
            return text(item, "digest")
    return text(found[0], "digest") if len(found) == 1 else ""


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")
