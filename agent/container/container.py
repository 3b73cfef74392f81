"""Who a container is: what an operator, a dashboard and a log record call it."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from agent.container.declared import Declared
from agent.container.owner import NOBODY, Owner
from agent.records import NamedTuple, dataclass, field


class Kind(enum.Enum):
    """What a cgroup is to its runtime."""

    CONTAINER = "container"
    SANDBOX = "sandbox"
    """The pod's own container, which holds its network namespace (pause, podman infra)."""
    POD = "pod"
    """The cgroup above a pod's containers. It has a pod uid and no container id."""
    SERVICE = "service"
    """A unit of systemd's, where the configuration asks for them; its name is the unit's."""


class Requests(NamedTuple):
    """What Kubernetes keeps free for a container (resources.requests). None: it asks for none."""

    cpu: float | None = None
    """Cores."""
    memory: int | None = None
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """Identity of one container, sandbox or pod cgroup. Text that is not known is ""."""

    runtime: str
    """docker, containerd, podman, cri-o, runc, crun, lxc, systemd-nspawn, systemd for a service; ""
    for a pod cgroup."""
    id: str
    """The runtime's id: 64 hex digits, or free text for ctr, runc, crun, LXC, systemd-nspawn."""
    kind: Kind = Kind.CONTAINER
    name: str = ""
    """What its runtime calls it: `docker ps`' NAMES without the slash; for CRI the container id,
    as the kubelet's cAdvisor has it; for ctr, runc and crun the id."""
    image: str = ""
    image_id: str = ""
    """Digest of the image's config ("sha256:…"), the same in every runtime."""
    container: str = ""
    """Its name in its pod, Kubernetes' or Podman's; "" outside a pod and on sandboxes and pods."""
    pod: str = ""
    namespace: str = ""
    """Kubernetes'. A Podman pod has none."""
    pod_uid: str = ""
    """The pod's uid in Kubernetes, its id in Podman."""
    qos: str = ""
    """guaranteed, burstable or besteffort, going by the cgroup's path; "" outside Kubernetes."""
    nested_in: str = ""
    """Id of the outermost container around this one (kind's node, Docker in Docker), or ""."""
    attempt: int | None = None
    """Kubernetes restart count, Docker's RestartCount, Podman's restartCount."""
    labels: Mapping[str, str] = field(default_factory=dict)
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    """Of its pod, by kubernetes.labels; only where Kubernetes is asked."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Of its pod, by kubernetes.annotations; like `pod_labels`."""
    log_annotations: Mapping[str, str] = field(default_factory=dict)
    """What its pod asks of the log worker (`agent.container.log_annotations`); known where its log
    is read, and exported nowhere."""
    owner: Owner = NOBODY
    """The workload as Kubernetes says it; where it is not asked, the labels tell."""
    requests: Requests | None = None
    """None: outside Kubernetes, or it is not asked. On a pod, the sum over its containers."""
    pid: int | None = None
    """Host pid of the container's init."""
    created: float | None = None
    """Unix seconds; None where the runtime does not say, or was not asked."""
    started: float | None = None
    """Unix seconds."""
    declared: Declared | None = None
    """Ports, restarts and health check. None: its runtime keeps no such record, or it was not
    read."""
    log_driver: str = ""
    """Where its output goes, by Docker's or Podman's name for it: json-file, local, journald,
    k8s-file, none, …; "" where that is not known."""
    log_path: str = ""
    log_format: str = ""
    """docker (json-file), docker-local, cri (containerd, CRI-O, Podman's k8s-file), plain; ""
    without a file we read."""
    source: str = ""
    """Which layer answered: path, oci, docker, cri, containerd, podman, cri-o, runc, crun; where
    they are configured also docker-api, kubelet, kubernetes-api."""
    complete: bool = True
    """False while the runtime has not written name or image yet: ask again."""

    @property
    def title(self) -> str:
        """What a person reads: "namespace/pod/container" in Kubernetes, else the name."""
        if self.pod:
            return "/".join(part for part in (self.namespace, self.pod, self.container) if part)
        return self.name or self.id[:12]
