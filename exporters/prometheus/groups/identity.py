"""Who a container is and when it was seen.

container_info carries what the base labels leave out, once for each container, so that a query that
needs it joins it in and all others do without:

    container_memory_rss * on (instance, id) group_left (compose_project) container_info
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from agent.container.container import Container, Kind
from agent.container.owner import NOBODY, owner_of
from agent.model import Sample, Snapshot
from exporters.prometheus.escape import sanitise
from exporters.prometheus.metric import Labels, Metric, Number, gauge

INFO_LABELS: Final = (
    "attempt",
    "compose_project",
    "compose_service",
    "ecs_task",
    "image_id",
    "kind",
    "owner_kind",
    "owner_name",
    "pod_uid",
    "qos",
    "runtime",
)
_OWNER_LABELS: Final = frozenset(
    {
        "batch.kubernetes.io/job-name",
        "job-name",
        "pod-template-hash",
        "controller-revision-hash",
    }
)


def started(sample: Sample) -> float:
    """Unix seconds: what the runtime says, else when the cgroup was made."""
    container = sample.container
    if container is not None and container.started is not None:
        return container.started
    return sample.cgroup.created


def created(sample: Sample) -> float:
    """Unix seconds: what the runtime says, else when the cgroup was made."""
    container = sample.container
    if container is not None and container.created is not None:
        return container.created
    return sample.cgroup.created


def last_seen(_: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Unix seconds of this reading."""
    return (((), int(snapshot.wall_time)),)


def info_labels(container: Container, pod_labels: Mapping[str, str]) -> Labels:
    """
    The labels of container_info, in the order of INFO_LABELS.

    `pod_labels` are the pod's own, for runtimes that do not copy them to its containers (CRI-O).
    """
    labels = container.labels
    owner = NOBODY
    if container.owner.kind:
        owner = container.owner
    elif container.pod:
        owner = owner_of(container.pod, pod_labels if _OWNER_LABELS.isdisjoint(labels) else labels)
    return (
        ("attempt", "" if container.attempt is None else str(container.attempt)),
        ("compose_project", labels.get("com.docker.compose.project", "")),
        ("compose_service", labels.get("com.docker.compose.service", "")),
        ("ecs_task", labels.get("com.amazonaws.ecs.task-arn", "").rpartition("/")[2]),
        ("image_id", container.image_id),
        ("kind", container.kind.value),
        ("owner_kind", owner.kind),
        ("owner_name", owner.name),
        ("pod_uid", container.pod_uid),
        ("qos", container.qos),
        ("runtime", container.runtime),
    )


class _Info:
    """Keeps each container's labels for as long as it and its pod's labels are the same."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._pods: dict[str, Mapping[str, str]] = {}
        self._known: dict[int, tuple[Container, Mapping[str, str] | None, Labels]] = {}
        """cgroup inode → what the labels were made of, and they."""

    def __call__(
        self, sample: Sample, snapshot: Snapshot
    ) -> Iterable[tuple[Labels, Number | None]]:
        """1, with the labels; nothing for what is not a container."""
        container = sample.container
        if container is None or not container.id:
            return ()
        if snapshot is not self._snapshot:
            self._begin(snapshot)
        pod = self._pods.get(container.pod_uid)
        known = self._known.get(sample.cgroup.inode)
        if known is None or known[0] is not container or known[1] is not pod:
            known = (container, pod, info_labels(container, pod or {}))
            self._known[sample.cgroup.inode] = known
        return ((known[2], 1),)

    def _begin(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._pods = {
            container.pod_uid: container.labels
            for sample in snapshot.samples
            if (container := sample.container) is not None
            and container.kind is not Kind.CONTAINER
            and container.labels
        }
        if len(self._known) > 2 * len(snapshot.samples) + 16:
            alive = {sample.cgroup.inode for sample in snapshot.samples}
            # list: another thread may be making a page of its own.
            for inode in list(self._known):
                if inode not in alive:
                    self._known.pop(inode, None)


def pod_labels(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """1 for a pod, with those of its labels that kubernetes.labels names."""
    return _pod_names(sample, "label", lambda pod: pod.pod_labels)


def pod_annotations(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """1 for a pod, with those of its annotations that kubernetes.annotations names."""
    return _pod_names(sample, "annotation", lambda pod: pod.annotations)


def _pod_names(
    sample: Sample, prefix: str, get: Callable[[Container], Mapping[str, str]]
) -> Iterable[tuple[Labels, Number | None]]:
    pod = sample.container
    if pod is None or pod.kind is not Kind.POD or not (found := get(pod)):
        return ()
    # Two keys that are the same name once their signs are gone: the first one counts.
    names: dict[str, str] = {}
    for key, value in found.items():
        names.setdefault(f"{prefix}_{sanitise(key)}", value)
    return ((tuple(names.items()), 1),)


METRICS: tuple[Metric, ...] = (
    gauge(
        "container_start_time_seconds",
        "the runtime's start time, else mtime of the cgroup",
        "When the container was started, in Unix seconds.",
        started,
    ),
    gauge(
        "container_creation_time_seconds",
        "the runtime's creation time, else mtime of the cgroup",
        "When the container was made, in Unix seconds.",
        created,
    ),
    Metric(
        name="container_last_seen",
        type="gauge",
        source="the agent's clock",
        help="When the container was last read, in Unix seconds.",
        read=last_seen,
        unit="seconds",
    ),
    Metric(
        name="container_info",
        type="gauge",
        source="the runtime's files",
        help="1; its labels say what the others leave out, for joins on id.",
        read=_Info(),
        labels=INFO_LABELS,
    ),
    Metric(
        name="container_pod_labels",
        type="gauge",
        source="Kubernetes",
        help="1 for a pod; label_NAME for each of its labels in kubernetes.labels.",
        read=pod_labels,
        labels=("label_NAME",),
    ),
    Metric(
        name="container_pod_annotations",
        type="gauge",
        source="Kubernetes",
        help="1 for a pod; annotation_NAME for each of its annotations in kubernetes.annotations.",
        read=pod_annotations,
        labels=("annotation_NAME",),
    ),
)
