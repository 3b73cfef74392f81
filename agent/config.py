"""One frozen Config. Each default is here, with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Where the host's files are. Inside a container they are mounted elsewhere."""

    root: str = "/"
    """The host's / as this process sees it; put before every path a runtime writes down."""
    proc: str = "/proc"
    sys_block: str = "/sys/dev/block"
    cgroup: str = ""
    """A cgroup2 mount to use; "" finds every mount through `proc`/self/mountinfo."""
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


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """[metrics]"""

    listen: str = "127.0.0.1:9464"
    """HOST:PORT, [IPV6]:PORT. Loopback: the page is public only when somebody says so."""
    interval: float = 10.0
    """Seconds between ticks when nobody scrapes; a scrape reads anew."""


@dataclass(frozen=True, slots=True)
class FileDestination:
    """[[logs.destination]] type = "file": JSON lines, rotated."""

    type: Literal["file"] = "file"
    path: str = "/var/log/container-agent/containers.jsonl"
    max_bytes: int = 100 * 1024 * 1024
    max_files: int = 5


@dataclass(frozen=True, slots=True)
class FluentdDestination:
    """[[logs.destination]] type = "fluentd": the Forward protocol, acknowledged."""

    type: Literal["fluentd"] = "fluentd"
    host: str = "127.0.0.1"
    port: int = 24224
    tag: str = "container"
    ack_timeout: float = 60.0
    """Seconds. After it the connection is closed and the chunks are sent again."""
    chunk_bytes: int = 1024 * 1024
    """Uncompressed bytes of one chunk. Fluent Bit's in_forward refuses over 6,144,000."""


Destination = FileDestination | FluentdDestination


@dataclass(frozen=True, slots=True)
class LogsConfig:
    """[logs]"""

    enabled: bool = True
    state: str = "/var/lib/container-agent"
    """Directory of the checkpoints, one file per destination."""
    from_start: bool = True
    """Read a file without a checkpoint from its start; False: only what comes from now on."""
    destination: tuple[Destination, ...] = (FileDestination(),)


@dataclass(frozen=True, slots=True)
class ProbesConfig:
    """[probes]"""

    enabled: bool = True
    loader: Literal["auto", "libbpf", "bcc"] = "auto"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. Frozen: a reload makes a new one."""

    paths: HostPaths = field(default_factory=HostPaths)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    logs: LogsConfig = field(default_factory=LogsConfig)
    probes: ProbesConfig = field(default_factory=ProbesConfig)
