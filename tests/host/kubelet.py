"""A real kubelet, on a private containerd, that runs static pods and leaves the machine alone.

It is in a mount namespace of its own, where /var/lib and /var/log are overlays whose upper layers
are the session's, and the sysctls it sets are plain files. Its cgroups are below one of the
session's. It registers nowhere, unless it is given a kubeconfig.
"""

from __future__ import annotations

import json
import resource
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.host.cri_containerd import ContainerdEngine
from tests.host.daemon import (
    Daemon,
    hierarchies,
    need_root,
    remove_cgroup_tree,
    session_name,
    wait_until,
)
from tests.host.kubernetes_programs import program

NODE = "node1"
Json = dict[str, Any]

# What kubelet/cm wants these to be, and would write.
_SYSCTLS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
_PRIVATE = """\
set -e
for name in {sysctls}; do mount --bind {files}/sysctl/$name /proc/sys/$name; done
for name in lib log; do
    mount -t overlay -o lowerdir=/var/$name,upperdir={files}/$name,workdir={files}/$name.work \\
        overlay /var/$name
done
exec "$@"
"""


class Kubelet:
    """One node, in a directory of its own below the session's."""

    def __init__(
        self,
        directory: Path,
        engine: ContainerdEngine,
        *,
        settings: Mapping[str, object] | None = None,
        arguments: Sequence[str] = (),
        token: str = "",
    ) -> None:
        """
        settings: keys of its configuration file, over those it has here. token: of who may ask it
        everything, where not everybody may. Raises `HostUnavailable`.
        """
        need_root("unshare", "mount")
        kubelet = program("kubelet")
        self.engine = engine
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.root = directory / "kubelet"
        """Its --root-dir."""
        self.manifests = directory / "manifests"
        self._files = directory / "kubelet-files"
        self.pod_logs = self._files / "log/pods"
        """As /var/log/pods."""
        self.container_logs = self._files / "log/containers"
        """As /var/log/containers."""
        self.cgroup = f"/{session_name(directory.parent)}-kubelet/{directory.name}"
        """Its --cgroup-root."""
        for made in (self.manifests, self.pod_logs):
            made.mkdir(parents=True)
        for name in ("lib", "lib.work", "log.work"):
            (self._files / name).mkdir()
        for name, value in _SYSCTLS.items():
            file = self._files / "sysctl" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
        for hierarchy in hierarchies():
            _make_cgroup(hierarchy, self.cgroup)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"https://127.0.0.1:{port}"
        configuration = directory / "kubelet.json"
        configuration.write_text(json.dumps(self._configuration(port) | dict(settings or {})))
        private = _PRIVATE.format(sysctls=" ".join(_SYSCTLS), files=self._files)
        self.daemon = Daemon(
            [
                *("unshare", "--mount", "sh", "-c", private, "kubelet", str(kubelet)),
                f"--config={configuration}",
                f"--root-dir={self.root}",
                f"--cert-dir={directory / 'certificates'}",
                f"--hostname-override={NODE}",
                f"--containerd={engine.socket}",
                "--v=2",
                *arguments,
            ],
            directory / "kubelet.log",
        )
        self.daemon.await_answer(lambda: self._answers("/healthz"), 60)

    # --- pods

    def add(self, manifest: Json) -> None:
        """Write a static pod's manifest."""
        name = manifest["metadata"]["name"]
        # One that begins with a dot is not read.
        new = self.manifests / f".{name}.json"
        new.write_text(json.dumps(manifest))
        new.rename(self.manifests / f"{name}.json")

    def remove(self, name: str) -> None:
        """Take a static pod's manifest away."""
        (self.manifests / f"{name}.json").unlink()

    def pods(self) -> list[Json]:
        """Those it has, with their status, as its API has them."""
        found: list[Json] = json.loads(self.get("/pods"))["items"] or []
        return found

    def pod(self, name: str) -> Json:
        """The pod of one manifest; {} before it is known."""
        full = f"{name}-{NODE}"
        return next((pod for pod in self.pods() if pod["metadata"]["name"] == full), {})

    def await_pod(self, name: str, holds: Callable[[Json], bool], seconds: float = 60) -> Json:
        """The pod of one manifest as soon as `holds` of it."""
        found: Json = {}

        def look() -> bool:
            nonlocal found
            found = self.pod(name)
            return bool(found) and holds(found)

        wait_until(look, seconds, f"pod {name}")
        return found

    # --- HTTP

    def get(self, path: str) -> bytes:
        """What it answers. Who it is is not asked: by default it signs its own certificate."""
        request = urllib.request.Request(self.url + path, headers=self._headers)
        with urllib.request.urlopen(request, timeout=30, context=_unverified()) as answer:
            body: bytes = answer.read()
            return body

    def close(self) -> None:
        """Have it end its pods, then end it, and remove its cgroups."""
        for manifest in self.manifests.glob("*.json"):
            manifest.unlink()
        try:
            wait_until(lambda: not self.pods() and not self._cgroups(), 60, "pods gone")
        finally:
            self.daemon.stop()
            self.engine.close()
            remove_cgroup_tree(self.cgroup)
            shutil.rmtree(self.root, ignore_errors=True)

    def _cgroups(self) -> list[Path]:
        """Those of its pods."""
        return [
            found
            for hierarchy in hierarchies()
            for above in ("kubepods", "kubepods/*")
            for found in (hierarchy / self.cgroup.strip("/")).glob(f"{above}/pod*")
        ]

    def _answers(self, path: str) -> bool:
        try:
            return self.get(path) == b"ok"
        except (urllib.error.URLError, OSError):
            return False

    def _configuration(self, port: int) -> Json:
        nofile = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "port": port,
            "healthzPort": 0,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": f"unix://{self.engine.socket}",
            "staticPodPath": str(self.manifests),
            "fileCheckFrequency": "1s",
            "syncFrequency": "5s",
            "podLogsDir": str(self.pod_logs),
            "volumePluginDir": str(self._files / "plugins"),
            "cgroupRoot": self.cgroup,
            "cgroupDriver": "cgroupfs",
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            "failCgroupV1": False,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "maxOpenFiles": nofile,
            "resolvConf": "",
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "0%", "nodefs.available": "0%"},
            "containerLogMaxSize": "1Mi",
            "containerLogMaxFiles": 3,
            "containerLogMonitorInterval": "3s",
        }


def _make_cgroup(hierarchy: Path, path: str) -> None:
    """Make it with those above it; on cgroup v2 with all the controllers the root has."""
    directory = hierarchy
    for name in path.strip("/").split("/"):
        controllers = directory / "cgroup.controllers"
        if controllers.exists():
            wanted = " ".join(f"+{controller}" for controller in controllers.read_text().split())
            (directory / "cgroup.subtree_control").write_text(wanted)
        directory /= name
        directory.mkdir(exist_ok=True)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
