"""Which container a cgroup is: asked every tick for every cgroup, looked up seldom.

An answer is kept under the cgroup's inode. While the runtime has not written everything yet it is
asked for again at the next tick, then after 1, 2, 5, 10 and from then on 30 s. Docker's record is
looked at again when it was replaced (rename, restart). A cgroup whose path names no runtime is
looked at `OTHER_LOOKS` times and then left alone. A tick without news costs one dict lookup and one
comparison a cgroup.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Set
from typing import Final

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.container import Container, Kind
from agent.container.failures import READ_FAILURES, Failures
from agent.container.identity import CgroupIdentity, CgroupKind, identify, service_unit
from agent.container.lookup import Found, Lookup, by_path
from agent.container.nested import Nested
from agent.container.statefile import Signature, signature
from agent.container.told import ContainerSource, PodSource, ToldPod
from agent.container.told_pods import with_pod
from agent.records import NamedTuple, replace

BACK_OFF: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds to the next look, by the number of looks so far; the last one for good."""
OTHER_LOOKS: Final = 5
"""Looks at a cgroup whose path names no runtime (ctr, runc, crun): 8 s for one to claim it."""
IMAGE_LOOKS: Final = 6
"""Looks after which an image that was not found is taken for one that stands nowhere."""
WATCH_EVERY: Final = 5.0
"""Seconds between looks at the modification time of a record that may be replaced."""

_NEVER_CONTAINERS: Final = (
    *(".slice", ".service", ".mount", ".socket", ".swap", ".timer", ".target"),
    *(".device", ".automount", ".path"),
)


class _Pod(NamedTuple):
    pod: str
    namespace: str
    labels: Mapping[str, str]
    source: str


class _Entry:
    """What is known of one cgroup, and when to look again."""

    __slots__ = (
        *("cgroup", "container", "due", "identity", "looks", "signature", "watch"),
        *("shown", "told", "told_of"),
    )

    def __init__(self, cgroup: Cgroup) -> None:
        self.cgroup = cgroup
        self.identity = identify(cgroup.path)
        self.container: Container | None = None
        self.looks = 0
        self.due = -math.inf if may_be_container(cgroup.path, self.identity) else math.inf
        self.watch = ""
        self.signature: Signature | None = None
        self.told: ToldPod | None = None
        self.told_of: Container | None = None
        self.shown: Container | None = None
        """What was made of these two."""

    @property
    def subject(self) -> str:
        return f"cgroup {self.cgroup.inode}"


class Discovery:
    """Containers by cgroup. One thread."""

    def __init__(
        self,
        paths: HostPaths,
        now: Callable[[], float] = time.monotonic,
        *,
        services: bool = False,
        engine: ContainerSource | None = None,
        pods: PodSource | None = None,
    ) -> None:
        """
        `services`: systemd's services count as containers of the kind SERVICE. `engine` and
        `pods`: Docker's API and Kubernetes, where they are followed.
        """
        self._kubernetes = pods
        self._now = now
        self._services = services
        self._failures = Failures()
        self._lookup = Lookup(paths, self._failures, engine)
        self._nested = Nested(paths, self._failures)
        self._entries: dict[int, _Entry] = {}
        self._pods: dict[str, _Pod] = {}
        self._answered: Counter[str] = Counter()

    def container_of(self, cgroup: Cgroup, pids: Callable[[], tuple[int, ...]]) -> Container | None:
        """
        The container, sandbox or pod that `cgroup` is.

        None for anything else, and for cgroups inside a container: they belong to the one above.
        pids: processes of the cgroup, best with those of the cgroups below it; called only when
        something is looked up. Raises nothing of what cannot be read: see `failures`.
        """
        entry = self._entries.get(cgroup.inode)
        if entry is None:
            entry = self._entries[cgroup.inode] = _Entry(cgroup)
            if self._services and (unit := service_unit(cgroup.path)):
                entry.container = _service(cgroup, unit)
                self._answered["path"] += 1
        if self._now() >= entry.due:
            self._ask(entry, pids)
        return entry.container if self._kubernetes is None else self._with_told(entry)

    def retain(self, inodes: Set[int]) -> None:
        """Forget every cgroup but these."""
        for inode in self._entries.keys() - inodes:
            self._failures.clear(self._entries.pop(inode).subject)
        for uid in self._pods.keys() - {_pod_uid(entry) for entry in self._entries.values()}:
            del self._pods[uid]

    def answered(self) -> Mapping[str, int]:
        """source (see `Container.source`) → how many answers came from it since the start."""
        return dict(self._answered)

    def failures(self) -> tuple[str, ...]:
        """What could not be read, in words; bounded. A container is named without it."""
        return self._failures.messages()

    def _ask(self, entry: _Entry, pids: Callable[[], tuple[int, ...]]) -> None:
        if entry.identity.kind is CgroupKind.POD:
            self._ask_pod(entry)
            return
        if entry.watch and self._unchanged(entry):
            entry.due = self._now() + WATCH_EVERY
            return
        before = entry.container
        container = self._find(entry, pids)
        entry.looks += 1
        entry.container = container
        if container is not None:
            container = with_path(entry.identity, container)
            entry.container = container = self._with_pod(entry, container)
            if before is None or before.source != container.source:
                self._answered[container.source] += 1
        entry.due = self._next_look(entry, container)

    def _find(self, entry: _Entry, pids: Callable[[], tuple[int, ...]]) -> Container | None:
        self._failures.clear(entry.subject)
        try:
            found = self._look(entry, pids)
            if found is not None:
                entry.watch, entry.signature = found.watch, found.signature
        except READ_FAILURES as error:
            self._failures.add(entry.subject, error)
            found = None
        if found is not None:
            return found.container
        if entry.container is not None:
            return entry.container  # the bundle goes before the cgroup does: it stays who it was
        if entry.identity.kind is CgroupKind.CONTAINER:
            return by_path(entry.cgroup, entry.identity)
        return None

    def _look(self, entry: _Entry, pids: Callable[[], tuple[int, ...]]) -> Found | None:
        cgroup, identity, subject = entry.cgroup, entry.identity, entry.subject
        found = self._lookup.find(cgroup, identity, pids, subject)
        if found is not None or not identity.nested_in:
            return found
        outer = self._around(cgroup.path)
        if outer is None or outer.container is None or outer.container.pid is None:
            return None
        below = cgroup._replace(path=cgroup.path.removeprefix(outer.cgroup.path))
        return self._nested.find(outer.cgroup, outer.container.pid, below, identity, pids, subject)

    def _around(self, path: str) -> _Entry | None:
        """The innermost container that the cgroup is in; None where it is not known yet."""
        around = (
            entry
            for entry in self._entries.values()
            if entry.container is not None
            and entry.container.kind is Kind.CONTAINER
            and path.startswith(f"{entry.cgroup.path}/")
        )
        return max(around, key=lambda entry: len(entry.cgroup.path), default=None)

    def _unchanged(self, entry: _Entry) -> bool:
        known = entry.container
        if known is None or (known.pid is None and entry.looks < IMAGE_LOOKS):
            return False
        try:
            return signature(entry.watch) == entry.signature
        except READ_FAILURES:
            return False  # looking it up again says what is wrong

    def _next_look(self, entry: _Entry, container: Container | None) -> float:
        if container is None:
            return self._now() + self._back_off(entry) if entry.looks < OTHER_LOOKS else math.inf
        if not container.complete and container.source != "path" and entry.looks >= IMAGE_LOOKS:
            entry.container = container = replace(container, complete=True)
        if not container.complete:
            return self._now() + self._back_off(entry)
        if container.pid is None and entry.looks < IMAGE_LOOKS and container.source != "path":
            return self._now() + self._back_off(entry)
        # What an API told changes without a file that would show it.
        again = entry.watch or container.source == "docker-api"
        return self._now() + WATCH_EVERY if again else math.inf

    def _back_off(self, entry: _Entry) -> float:
        return BACK_OFF[min(entry.looks, len(BACK_OFF)) - 1]

    # --- pods

    def _with_pod(self, entry: _Entry, container: Container) -> Container:
        """Give a member what its pod is called, or the pod what a member knows."""
        uid = entry.identity.pod_uid or container.pod_uid
        if not uid:
            return container
        if container.pod:
            known = self._pods.get(uid)
            labels = container.labels if container.kind is Kind.SANDBOX else {}
            if known is None or (labels and not known.labels):
                self._pods[uid] = _Pod(container.pod, container.namespace, labels, container.source)
            return container if container.pod_uid == uid else replace(container, pod_uid=uid)
        pod = self._pods.get(uid)
        if pod is None:
            return container
        return replace(container, pod_uid=uid, pod=pod.pod, namespace=pod.namespace)

    def _with_told(self, entry: _Entry) -> Container | None:
        """The container with what Kubernetes says of its pod."""
        container = entry.container
        uid = _pod_uid(entry)
        told = self._kubernetes.pod(uid) if self._kubernetes is not None and uid else None
        if container is None or told is None:
            return container
        if entry.told is not told or entry.told_of is not container:
            if entry.shown is None:
                self._answered[told.source] += 1
            entry.told, entry.told_of = told, container
            entry.shown = with_pod(container, told)
        return entry.shown

    def _ask_pod(self, entry: _Entry) -> None:
        """A pod's cgroup: nothing is read, its members tell its name."""
        uid = entry.identity.pod_uid or ""
        pod = self._pods.get(uid)
        if pod is None:
            if entry.container is None:
                entry.container = _pod(entry, uid, _Pod("", "", {}, "path"))
            return
        entry.container = _pod(entry, uid, pod)
        entry.looks += 1
        if entry.looks == 1:
            self._answered[pod.source] += 1
        # A sandbox that is looked up after the others adds the pod's labels.
        entry.due = math.inf if pod.labels else self._now() + self._back_off(entry)


def _service(cgroup: Cgroup, unit: str) -> Container:
    return Container(
        runtime="systemd",
        id=unit,
        kind=Kind.SERVICE,
        name=unit,
        started=cgroup.created,
        source="path",
    )


def with_path(identity: CgroupIdentity, container: Container) -> Container:
    """Add what only the path says."""
    qos, nested_in = identity.qos or "", identity.nested_in or ""
    if (container.qos, container.nested_in) == (qos, nested_in):
        return container
    return replace(container, qos=qos, nested_in=nested_in)


def _pod_uid(entry: _Entry) -> str | None:
    # The path's is the one its pod's cgroup has too.
    return entry.identity.pod_uid or (entry.container.pod_uid if entry.container else None)


def _pod(entry: _Entry, uid: str, pod: _Pod) -> Container:
    return Container(
        runtime="",
        id="",
        kind=Kind.POD,
        pod=pod.pod,
        namespace=pod.namespace,
        pod_uid=uid,
        qos=entry.identity.qos or "",
        nested_in=entry.identity.nested_in or "",
        labels=pod.labels,
        started=entry.cgroup.created,
        source=pod.source,
        complete=bool(pod.pod),
    )


def may_be_container(path: str, identity: CgroupIdentity) -> bool:
    """Whether it is worth looking up: not inside a container, no service, slice or session."""
    if identity.below or identity.kind is CgroupKind.SUPERVISOR or identity.runtime == "machine":
        return False
    if identity.kind is not CgroupKind.OTHER:
        return True
    name = path.rpartition("/")[2]
    return bool(name) and not (
        name.endswith(_NEVER_CONTAINERS) or name == "init.scope" or name.startswith("session-")
    )
