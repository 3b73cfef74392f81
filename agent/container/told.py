"""What others than the runtime's files may tell of a container: a runtime's API, Kubernetes.

Optional; the shapes are here because those who ask need no more than these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from agent.container.container import Container, Requests
from agent.container.owner import NOBODY, Owner
from agent.container.statefile import Json
from agent.records import NamedTuple, dataclass, field


class ToldContainer(Protocol):
    """One container as its runtime's API has it."""

    @property
    def container(self) -> Container: ...
    @property
    def manifest(self) -> str: ...
    @property
    def record(self) -> Json: ...


class ContainerSource(Protocol):
    """A runtime's API, followed in the background."""

    def get(self, id_: str) -> ToldContainer | None:
        """One container by its whole id. From any thread, at once."""


class ToldMember(NamedTuple):
    """A container of a pod. Text that is not known is ""."""

    name: str
    image: str = ""
    image_id: str = ""
    attempt: int | None = None
    requests: Requests | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPod:
    """One pod as Kubernetes has it; labels and annotations by allow-list alone, beside those that
    are meant for the log workers."""

    source: str
    """kubelet, kubernetes-api."""
    name: str
    namespace: str
    uid: str
    """What its cgroup is called by: a static pod's is the hash of its manifest."""
    qos: str = ""
    owner: Owner = NOBODY
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    log_annotations: Mapping[str, str] = field(default_factory=dict)
    """`agent.container.log_annotations`."""
    members: Mapping[str, ToldMember] = field(default_factory=dict)
    """By name."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Container id → name, of those that were started."""


class PodSource(Protocol):
    """Kubernetes, followed in the background."""

    def pod(self, uid: str) -> ToldPod | None:
        """One pod. From any thread, at once; the same object while nothing changes."""
