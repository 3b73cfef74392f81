"""A stand-in for the kubelet: pods on a private runtime with CRI, driven as a kubelet does.

What is the kubelet's is copied from it: the pods' cgroups with their limits in every hierarchy, the
labels and annotations it puts on sandboxes and containers, the log directories
NAMESPACE_POD_UID/CONTAINER/ATTEMPT.log, a sandbox first and then its containers, a new container
with the next attempt where one ended.

The CRI's messages are written by field number; the names are beside them:
https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from tests.host.cri_engine import IMAGE, Engine
from tests.host.daemon import (
    cgroup_is_gone,
    hierarchies,
    remove_cgroup,
    session_name,
    wait_until,
)
from tests.host.grpc import CallFailed
from tests.host.handle import ContainerHandle
from tests.host.protobuf import Fields, Message, child, integer, labels, text

MIB = 1024 * 1024

Qos = Literal["guaranteed", "burstable", "besteffort"]
T = TypeVar("T")

_RUNTIME = "/runtime.v1.RuntimeService/"
_POD_NETWORK, _CONTAINER_PID, _NODE_NETWORK = 0, 1, 2
"""NamespaceMode: POD, CONTAINER, NODE."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod's sandbox."""

    name: str
    namespace: str
    uid: str
    id: str
    """Of the sandbox: 64 hex digits."""
    pid: int
    """Host pid of the sandbox's process; 0 where it has none."""
    cgroup: str
    """Path of the pod's own cgroup."""
    logs: Path
    config: Message = field(repr=False)
    """PodSandboxConfig: every container is made with it."""
    network: int = _POD_NETWORK


class CriHost:
    """One runtime and the pods on it."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self.runtime = engine.runtime
        self.root = engine.root
        self.network = engine.network
        self.pod_logs = directory / f"{engine.name}-pods"
        """As /var/log/pods."""
        self.cgroup = f"/{session_name(directory)}-kubelet"
        """The kubelet's --cgroup-root: two sessions on one machine keep apart."""
        self.image, self.image_id = IMAGE, engine.images.image_id
        self.pause_id = engine.images.pause_id
        self._engine = engine
        # By the id the runtime gives it, which CRI-O writes otherwise than containerd.
        status = engine.channel.call("/runtime.v1.ImageService/ImageStatus", {1: {1: IMAGE}})
        self._image_reference = text(child(status, 1), 1)
        self._pods: list[Pod] = []

    # --- pods

    def run_pod(
        self,
        name: str,
        *,
        namespace: str = "test",
        uid: str | None = None,
        qos: Qos = "burstable",
        host_network: bool = False,
        source: Literal["api", "file"] = "api",
        pod_labels: Mapping[str, str] | None = None,
        pod_annotations: Mapping[str, str] | None = None,
        host_port: int | None = None,
    ) -> Pod:
        """
        A sandbox in a pod cgroup. Containers come with `start`.

        source: "file" makes it a static pod, whose uid is the hash of its manifest. host_port: one
        of the host's for its port 80.
        """
        annotations = {
            **(pod_annotations or {}),
            "kubernetes.io/config.seen": "2026-11-24T00:00:00.000000000Z",
            "kubernetes.io/config.source": source,
        }
        if source == "file":
            uid = uid or hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
            annotations["kubernetes.io/config.hash"] = uid
        uid = uid or str(uuid.uuid4())
        cgroup = self._pod_cgroup(uid, qos)
        logs = self.pod_logs / f"{namespace}_{name}_{uid}"
        logs.mkdir(parents=True)
        network = _NODE_NETWORK if host_network else _POD_NETWORK
        config: Message = {
            1: {1: name, 2: uid, 3: namespace},  # metadata
            # The host's own name space of names must not be written to.
            2: "" if host_network else name,  # hostname
            3: str(logs),  # log_directory
            6: labels({**(pod_labels or {}), **_kubelet_labels(name, namespace, uid)}),
            7: labels(annotations),
            5: [] if host_port is None else [{2: 80, 3: host_port}],  # port_mappings
            8: {  # linux
                1: cgroup,  # cgroup_parent
                2: {1: _namespaces(network), 9: {}},  # security_context: seccomp RuntimeDefault
            },
        }
        answer = self._call("RunPodSandbox", {1: config})
        id_ = text(answer, 1)
        # What is to be removed at the end is known before anything else may fail.
        pod = Pod(name, namespace, uid, id_, 0, cgroup, logs, config, network)
        self._pods.append(pod)
        pid = self._engine.pid(id_) or 0
        self._pods[-1] = pod = Pod(name, namespace, uid, id_, pid, cgroup, logs, config, network)
        return pod

    def start(
        self,
        pod: Pod,
        name: str,
        argv: Sequence[str],
        *,
        attempt: int = 0,
        memory: int | None = None,
        cpus: float | None = None,
        cpu_request: float | None = None,
        mounts: Mapping[str, str] | None = None,
    ) -> ContainerHandle:
        """
        A container in `pod`, as the kubelet starts one. memory: limit in bytes; cpus: limit.

        mounts: path in the container → on the host.
        """
        (pod.logs / name).mkdir(exist_ok=True)
        log = f"{name}/{attempt}.log"
        shares = 2 if cpu_request is None else max(2, int(cpu_request * 1024))
        resources: Message = {
            1: 100000,  # cpu_period
            2: int((cpus or 0) * 100000),  # cpu_quota
            3: shares,  # cpu_shares
            4: memory or 0,  # memory_limit_in_bytes
            5: 999,  # oom_score_adj
        }
        config: Message = {
            1: {1: name, 2: attempt},  # metadata
            2: {1: self._image_reference, 18: self.image},  # image, and as the author wrote it
            3: list(argv),  # command
            6: [{1: "POD_NAME", 2: pod.name}],  # envs
            7: [{1: inside, 2: outside} for inside, outside in (mounts or {}).items()],
            9: labels(
                {
                    "io.kubernetes.container.name": name,
                    **_kubelet_labels(pod.name, pod.namespace, pod.uid),
                }
            ),
            10: labels(
                {
                    "io.kubernetes.container.hash": "6d2fe3a8",
                    "io.kubernetes.container.restartCount": str(attempt),
                    "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
                    "io.kubernetes.container.terminationMessagePolicy": "File",
                    "io.kubernetes.pod.terminationGracePeriod": "30",
                }
            ),
            11: log,  # log_path
            15: {  # linux: resources, security_context
                1: resources,
                2: {3: _namespaces(pod.network), 11: 1, 15: {}},  # no_new_privs, seccomp
            },
        }
        answer = self._call("CreateContainer", {1: pod.id, 2: config, 3: pod.config})
        id_ = text(answer, 1)
        self._call("StartContainer", {1: id_})
        pid = self._engine.pid(id_) or 0
        return ContainerHandle(id_, name, pid, self.image, str(pod.logs / log))

    def exited(self, id_: str) -> int | None:
        """The exit code; None while it runs."""
        status = child(self._call("ContainerStatus", {1: id_}), 1)
        return integer(status, 7) if integer(status, 3) == 2 else None  # exit_code, EXITED

    def reopen_log(self, id_: str) -> None:
        """Have a container's log opened anew by its path, as the kubelet does after renaming it."""
        self._call("ReopenContainerLog", {1: id_})

    def stop(self, id_: str, grace: int = 0) -> None:
        """
        End a container and keep it, as the kubelet keeps the last one that ended.

        grace: seconds from SIGTERM to SIGKILL; 0: it is killed.
        """
        self._call("StopContainer", {1: id_, 2: grace})

    def remove(self, pod: Pod) -> None:
        """Stop and remove a pod and its containers, and its cgroup and logs, the kubelet's."""
        # A container that ends just now makes StopPodSandbox fail; the kubelet calls again too.
        _retry(lambda: self._call("StopPodSandbox", {1: pod.id}))
        _retry(lambda: self._call("RemovePodSandbox", {1: pod.id}))
        self._pods.remove(pod)
        shutil.rmtree(pod.logs)
        wait_until(lambda: cgroup_is_gone(pod.cgroup), 10, f"{pod.cgroup} removed")

    def close(self) -> None:
        """Remove what is left and end the daemon."""
        with contextlib.ExitStack() as closing:
            closing.callback(self._engine.close)
            closing.callback(self._remove_parents)
            for pod in list(self._pods):
                closing.callback(self.remove, pod)

    # --- the pods' cgroups

    def _pod_cgroup(self, uid: str, qos: Qos) -> str:
        """Make it in every hierarchy, as the kubelet's cgroupfs driver does."""
        middle = "" if qos == "guaranteed" else f"/{qos}"
        path = f"{self.cgroup}/kubepods{middle}/pod{uid}"
        for hierarchy in hierarchies():
            directory = hierarchy / path.strip("/")
            directory.mkdir(parents=True, exist_ok=True)
            if (directory / "cpu.shares").exists():
                shares = 2 if qos == "besteffort" else 1024
                (directory / "cpu.shares").write_text(str(shares))
        return path

    def _remove_parents(self) -> None:
        for middle in ("kubepods/burstable", "kubepods/besteffort", "kubepods", ""):
            remove_cgroup(f"{self.cgroup}/{middle}")

    def _call(self, method: str, request: Message) -> Fields:
        return self._engine.channel.call(_RUNTIME + method, request)


def _kubelet_labels(name: str, namespace: str, uid: str) -> dict[str, str]:
    return {
        "io.kubernetes.pod.name": name,
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.uid": uid,
    }


def _namespaces(network: int) -> Message:
    return {1: network, 2: _CONTAINER_PID}  # network, pid; ipc: POD


def _retry(call: Callable[[], T]) -> T:
    for _ in range(4):
        try:
            return call()
        except CallFailed as error:
            failure = error
    raise failure
