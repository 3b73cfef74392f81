"""[paths] Where the host's files are."""

from __future__ import annotations

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class HostPaths:
    """[paths] Where the host's files are. Inside a container they are mounted elsewhere."""

    root: str = "/"
    """The host's / as this process sees it; put before every path a runtime writes down."""
    proc: str = "/proc"
    sys_block: str = "/sys/dev/block"
    cgroup: str = ""
    """Where the host's cgroup filesystems are mounted; "" looks at every mount."""
    docker: tuple[str, ...] = ("/var/lib/docker",)
    """Docker data roots. A running container's own root is found without this."""
    containerd: tuple[str, ...] = ("/var/lib/containerd",)
    """containerd's root directories."""
    containerd_state: tuple[str, ...] = ("/run/containerd",)
    podman: tuple[str, ...] = ("/var/lib/containers/storage",)
    """containers/storage graph roots (Podman, CRI-O, Buildah)."""
    run: str = "/run"
    pod_logs: str = "/var/log/pods"

    def host(self, path: str) -> str:
        """The place where this process finds the host's `path`."""
        return path if self.root == "/" else self.root.rstrip("/") + path
