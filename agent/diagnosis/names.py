"""What a diagnosis calls a container."""

from __future__ import annotations

from agent.container.container import Container
from agent.lifecycle.totals import Identity


def name_of(container: Container) -> str:
    """namespace/pod/container in Kubernetes, pod/container in a Podman pod, else its name."""
    if container.pod:
        parts = (container.namespace, container.pod, container.container)
        return "/".join(part for part in parts if part)
    return container.name or container.id


def name_of_identity(identity: Identity) -> str:
    """The same of one that has ended."""
    if identity.pod:
        parts = (identity.namespace, identity.pod, identity.container)
        return "/".join(part for part in parts if part)
    return identity.name
