"""What a pod asks of the log worker by its annotations; the other annotations stay unread.

    container-agent.logs/multiline: java            for each of the pod's containers
    container-agent.logs/proxy.exclude: ^GET /      for the one named proxy

What the names mean: agent/logs/processing/settings.py. Where they are written down:

    containerd    meta.db, the sandbox's Config.annotations
    CRI-O         the sandbox's bundle, annotation io.kubernetes.cri-o.Annotations, a JSON object
    cri-dockerd   the sandbox's labels, as annotation.NAME
    Kubernetes    the pod's metadata
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PREFIX: Final = "container-agent.logs/"
_DOCKERS: Final = "annotation."


def log_annotations(annotations: Mapping[str, object]) -> dict[str, str]:
    """Those of a pod's annotations that are meant for the log worker, under their whole names."""
    return {
        name: value
        for name, value in annotations.items()
        if name.startswith(PREFIX) and isinstance(value, str)
    }


def from_docker_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The same from the labels that cri-dockerd gives a pod's sandbox."""
    return log_annotations(
        {
            name.removeprefix(_DOCKERS): value
            for name, value in labels.items()
            if name.startswith(_DOCKERS)
        }
    )
