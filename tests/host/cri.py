"""A stand-in for the kubelet: a private containerd with CRI, and pods driven as a kubelet does.

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
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from agent.demo.image import NoBusybox, archive, find_busybox, image_id
from tests.host.cni import PodNetwork
from tests.host.daemon import (
    Daemon,
    HostUnavailable,
    answers,
    cgroup_is_gone,
    hierarchies,
    need_root,
    remove_cgroup,
    run,
    session_name,
    wait_until,
)
from tests.host.grpc import CallFailed, Channel
from tests.host.handle import ContainerHandle
from tests.host.protobuf import Fields, Message, child, integer, labels, text

IMAGE = "registry.test/busybox:1"
PAUSE = "registry.test/pause:3.9"
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
    """Host pid of the sandbox's process."""
    cgroup: str
    """Path of the pod's own cgroup."""
    logs: Path
    config: Message = field(repr=False)
    """PodSandboxConfig: every container is made with it."""
    network: int = _POD_NETWORK


class CriHost:
    """One containerd, of one version, and the pods on it."""

    runtime = "containerd"

    def __init__(self, directory: Path, bin_directory: Path | None = None) -> None:
        """
        `bin_directory` has containerd, ctr and the shim; None takes the installed ones.

        Raises `HostUnavailable`.
        """
        need_root("runc", *(() if bin_directory else ("containerd", "ctr")))
        path = os.environ["PATH"]
        # The shim is looked for along PATH, and has to be of the same version.
        self._environment = {
            **os.environ,
            "PATH": f"{bin_directory}:{path}" if bin_directory else path,
        }
        prefix = f"{bin_directory}/" if bin_directory else ""
        self._ctr = f"{prefix}ctr"
        self.version = run([f"{prefix}containerd", "--version"]).split()[2]
        name = f"cri-{self.version.partition('~')[0].partition('+')[0]}"
        self.root = directory / name
        self.state = directory / f"{name}-run"
        self.socket = directory / f"{name}.sock"
        self.pod_logs = directory / f"{name}-pods"
        """As /var/log/pods."""
        self.cgroup = f"/{session_name(directory)}-kubelet"
        """The kubelet's --cgroup-root: two sessions on one machine keep apart."""
        self.image, self.image_id = IMAGE, ""
        self._pods: list[Pod] = []
        self._directory = directory / f"{name}-files"
        self._directory.mkdir()
        self.network = PodNetwork(self._directory / "cni")
        config = self._directory / "containerd.toml"
        config.write_text(self._config())
        self.daemon = Daemon(
            [f"{prefix}containerd", "--config", str(config)],
            directory / f"{name}.log",
            self._environment,
        )
        self.daemon.await_answer(
            lambda: self.socket.exists() and answers([*self._client(), "version"]), 30
        )
        self._channel = Channel(self.socket)
        self.daemon.await_answer(lambda: self._try(_RUNTIME + "Version", {}), 30)
        self._load()

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
        pid = int((self._bundle(id_) / "init.pid").read_text())
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
            2: {1: self.image_id, 18: self.image},  # image: by its id, and as the author wrote it
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
        pid_file = self._bundle(id_) / "init.pid"
        # The bundle of a container that has ended already is gone.
        pid = int(pid_file.read_text()) if pid_file.exists() else 0
        return ContainerHandle(id_, name, pid, self.image, str(pod.logs / log))

    def exited(self, id_: str) -> int | None:
        """The exit code; None while it runs."""
        status = child(self._call("ContainerStatus", {1: id_}), 1)
        return integer(status, 7) if integer(status, 3) == 2 else None  # exit_code, EXITED

    def reopen_log(self, id_: str) -> None:
        """Have a container's log opened anew by its path, as the kubelet does after renaming it."""
        self._call("ReopenContainerLog", {1: id_})

    def stop(self, id_: str) -> None:
        """Kill a container and keep it, as the kubelet keeps the last one that ended."""
        self._call("StopContainer", {1: id_})

    def remove(self, pod: Pod) -> None:
        """Stop and remove a pod and its containers, and its cgroup, which is the kubelet's."""
        # A container that ends just now makes StopPodSandbox fail; the kubelet calls again too.
        _retry(lambda: self._call("StopPodSandbox", {1: pod.id}))
        _retry(lambda: self._call("RemovePodSandbox", {1: pod.id}))
        self._pods.remove(pod)
        wait_until(lambda: cgroup_is_gone(pod.cgroup), 10, f"{pod.cgroup} removed")

    def ctr(self, *args: str) -> str:
        """Run this containerd's own client in CRI's namespace."""
        return run([*self._client(), "--namespace", "k8s.io", *args])

    def close(self) -> None:
        """Remove what is left and end the daemon."""
        with contextlib.ExitStack() as closing:
            closing.callback(self.network.close)
            closing.callback(self.daemon.stop)
            closing.callback(self._channel.close)
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

    # --- containerd

    def _config(self) -> str:
        cri = 'plugins."io.containerd.grpc.v1.cri"'
        # Snapshotters that need what a test machine may not have; NRI's socket and /opt/containerd
        # are the machine's.
        off = [f"io.containerd.snapshotter.v1.{name}" for name in ("btrfs", "zfs", "devmapper")]
        off += ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile"]
        off += ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
        return (
            "version = 2\n"
            f'root = "{self.root}"\n'
            f'state = "{self.state}"\n'
            f"disabled_plugins = {off}\n"
            "[grpc]\n"
            f'address = "{self.socket}"\n'
            f"[{cri}]\n"
            f'sandbox_image = "{PAUSE}"\n'
            "disable_apparmor = true\n"
            # Scores below the machine's own need CAP_SYS_RESOURCE.
            "restrict_oom_score_adj = true\n"
            "netns_mounts_under_state_dir = true\n"
            f"[{cri}.cni]\n"
            f'bin_dir = "{self.network.plugins}"\n'
            f'conf_dir = "{self.network.configuration}"\n'
            f"[{cri}.containerd.runtimes.runc]\n"
            'runtime_type = "io.containerd.runc.v2"\n'
            f"[{cri}.containerd.runtimes.runc.options]\n"
            "SystemdCgroup = false\n"
            # runc's state is in the session's directory, so that sweeping that is enough.
            f'Root = "{self._directory / "runc"}"\n'
        )

    def _load(self) -> None:
        try:
            busybox = find_busybox()
            images = {
                IMAGE: archive(busybox, IMAGE),
                PAUSE: archive(busybox, PAUSE, command=("/bin/sleep", "2147483647")),
            }
        except NoBusybox as error:
            raise HostUnavailable(str(error)) from None
        self.image_id = image_id(images[IMAGE])
        self.pause_id = image_id(images[PAUSE])
        for reference, data in images.items():
            file = self._directory / "image.tar"
            file.write_bytes(data)
            self.ctr("image", "import", str(file))
            # CRI hears of an image from containerd, a moment later.
            wait_until(lambda name=reference: self._has_image(name), 20, reference)  # type: ignore[misc]

    def _has_image(self, reference: str) -> bool:
        request: Message = {1: {1: reference}}
        return 1 in self._channel.call("/runtime.v1.ImageService/ImageStatus", request)

    def _client(self) -> list[str]:
        return [self._ctr, "--address", str(self.socket)]

    def _bundle(self, id_: str) -> Path:
        return self.state / "io.containerd.runtime.v2.task" / "k8s.io" / id_

    def _call(self, method: str, request: Message) -> Fields:
        return self._channel.call(_RUNTIME + method, request)

    def _try(self, method: str, request: Message) -> bool:
        try:
            self._channel.call(method, request)
        except CallFailed:
            return False
        return True


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
