"""Pods as manifests: for a real kubelet, from a directory or through the API server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.host.cri_engine import IMAGE

Json = dict[str, Any]


def container(
    name: str,
    argv: Sequence[str],
    *,
    requests: Mapping[str, str] | None = None,
    limits: Mapping[str, str] | None = None,
    **more: object,
) -> Json:
    """A container of the test's image. more: further keys of its specification."""
    resources = {"requests": dict(requests or {}), "limits": dict(limits or {})}
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": list(argv),
        "resources": resources,
        **more,
    }


def pod(
    name: str,
    *containers: Json,
    namespace: str = "shop",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: object,
) -> Json:
    """A pod that ends within a second when it is asked to. spec: further keys of its own."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "dnsPolicy": "Default",
            "containers": list(containers),
            **spec,
        },
    }


def is_running(pod: Json) -> bool:
    """Whether all the containers of a pod run, as its status says."""
    statuses = pod["status"].get("containerStatuses", [])
    return bool(statuses) and all("running" in status["state"] for status in statuses)


def container_id(pod: Json, name: str) -> str:
    """The runtime's id of a pod's container."""
    status = pod["status"]
    statuses = [*status.get("initContainerStatuses", []), *status["containerStatuses"]]
    (id_,) = [found["containerID"] for found in statuses if found["name"] == name]
    assert isinstance(id_, str)
    return id_.rpartition("://")[2]
