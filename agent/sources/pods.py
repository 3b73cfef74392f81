"""Pods as the kubelet and the API server write them: JSON in, `ToldPod` out. Pure.

    {"kind":"PodList","metadata":{"resourceVersion":"812"},"items":[{
      "metadata":{"name":"api-7d4b-x2z9q","namespace":"shop","uid":"599e…","labels":{…},
        "annotations":{…},"ownerReferences":[{"kind":"ReplicaSet","name":"api-7d4b",
        "controller":true}]},
      "spec":{"containers":[{"name":"app","image":"shop/api:4.2",
        "resources":{"requests":{"cpu":"250m","memory":"64Mi"}}}],"initContainers":[…]},
      "status":{"qosClass":"Burstable","containerStatuses":[{"name":"app","restartCount":2,
        "containerID":"containerd://ed42…","imageID":"…@sha256:…"}]}}]}

Docs    https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
        https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

A static pod's cgroup is called by the hash of its manifest. The kubelet has it as the uid; the API
server's mirror pod has another uid, and the hash as an annotation. Environment variables, commands
and volumes are in the answers and not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from agent.container.container import Requests
from agent.container.log_annotations import log_annotations
from agent.container.owner import NOBODY, Owner, owner_of_reference
from agent.container.statefile import (
    Json,
    as_object,
    child,
    number,
    objects,
    parse_json,
    text,
    texts,
)
from agent.container.told import ToldMember, ToldPod
from agent.records import NamedTuple

_MIRROR: Final = ("kubernetes.io/config.mirror", "kubernetes.io/config.hash")
_QUANTITY = re.compile(
    r"([+-]?[0-9]{0,30}(?:\.[0-9]{0,30})?)(?:([eE][+-]?[0-9]{1,3})|(n|u|m|k|[KMGTPE]i?))?\Z"
)
_SUFFIXES: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(1000),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}
_CONFIG_DIGEST = re.compile(r"(?:docker-pullable://|docker://)?(sha256:[0-9a-f]{64})\Z")


class Wanted(NamedTuple):
    """Which labels and annotations are kept."""

    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()


class PodList(NamedTuple):
    """One answer."""

    pods: tuple[ToldPod, ...]
    version: str
    """The resourceVersion to watch from; "" from a kubelet."""


def parse_pods(data: bytes, source: str, wanted: Wanted) -> PodList:
    """A PodList; what is no pod in it is left out. Raises `UnreadableState`."""
    found = as_object(parse_json(data, source), source)
    if text(found, "kind") not in ("PodList", "List"):
        raise ValueError(f"{source}: a PodList is expected, not {text(found, 'kind')[:40]!r}")
    pods = (parse_pod(item, source, wanted) for item in objects(found, "items"))
    return PodList(
        tuple(pod for pod in pods if pod is not None),
        text(child(found, "metadata"), "resourceVersion"),
    )


def parse_pod(item: Json, source: str, wanted: Wanted) -> ToldPod | None:
    """One pod; None for one without name or uid."""
    metadata, spec, status = (child(item, key) for key in ("metadata", "spec", "status"))
    labels, annotations = texts(metadata, "labels"), texts(metadata, "annotations")
    uid = next((annotations[key] for key in _MIRROR if annotations.get(key)), text(metadata, "uid"))
    if not uid or not text(metadata, "name"):
        return None
    statuses = {text(found, "name"): found for found in _each(status, "Statuses")}
    return ToldPod(
        source=source,
        name=text(metadata, "name"),
        namespace=text(metadata, "namespace"),
        uid=uid,
        qos=text(status, "qosClass").lower(),
        owner=_owner(metadata, labels),
        labels=_picked(labels, wanted.labels),
        annotations=_picked(annotations, wanted.annotations),
        log_annotations=log_annotations(annotations),
        members={
            name: _member(found, statuses.get(name, {}))
            for found in _each(spec, "s")
            if (name := text(found, "name"))
        },
        ids={
            id_: name
            for name, found in statuses.items()
            if (id_ := text(found, "containerID").rpartition("://")[2])
        },
    )


def parse_quantity(value: object) -> Decimal | None:
    """Kubernetes' quantity ("250m", "64Mi", "1e3", 2); None for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    match = _QUANTITY.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    digits, exponent, suffix = match.groups()
    try:
        return Decimal(digits + (exponent or "")) * _SUFFIXES.get(suffix, Decimal(1))
    except InvalidOperation:
        return None


def _each(of: Json, ending: str) -> Iterator[Json]:
    """Containers, of init and ephemeral ones too: "containers", or "containerStatuses"."""
    for kind in ("initContainer", "container", "ephemeralContainer"):
        yield from objects(of, f"{kind}{ending}")


def _member(spec: Json, status: Json) -> ToldMember:
    digest = _CONFIG_DIGEST.match(text(status, "imageID"))
    return ToldMember(
        name=text(spec, "name"),
        image=text(spec, "image"),
        image_id=digest[1] if digest else "",
        attempt=number(status, "restartCount"),
        requests=_requests(child(child(spec, "resources"), "requests")),
    )


def _requests(found: Json) -> Requests:
    cpu, memory = parse_quantity(found.get("cpu")), parse_quantity(found.get("memory"))
    return Requests(
        None if cpu is None or cpu < 0 else float(cpu),
        None if memory is None or memory < 0 else int(memory),
    )


def _owner(metadata: Json, labels: Mapping[str, str]) -> Owner:
    for reference in objects(metadata, "ownerReferences"):
        kind = text(reference, "kind")
        # A mirror pod is owned by its node, which is nobody's workload.
        if reference.get("controller") is True and kind != "Node":
            return owner_of_reference(kind, text(reference, "name"), labels)
    return NOBODY


def _picked(of: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    return {key: of[key] for key in keys if key in of}
