"""All sections in one frozen Config."""

from __future__ import annotations

from agent.config.api import ApiConfig
from agent.config.docker import DockerConfig
from agent.config.filesystem import FilesystemConfig
from agent.config.history import HistoryConfig
from agent.config.kubernetes import KubernetesConfig
from agent.config.lifecycle import LifecycleConfig
from agent.config.logs import LogsConfig
from agent.config.metrics import MetricsConfig
from agent.config.paths import HostPaths
from agent.config.probes import ProbesConfig
from agent.config.remote_write import RemoteWriteConfig
from agent.config.security import SecurityConfig
from agent.config.web import WebConfig
from agent.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. Frozen: a reload makes a new one."""

    paths: HostPaths = field(default_factory=HostPaths)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    logs: LogsConfig = field(default_factory=LogsConfig)
    filesystem: FilesystemConfig = field(default_factory=FilesystemConfig)
    remote_write: RemoteWriteConfig = field(default_factory=RemoteWriteConfig)
    web: WebConfig = field(default_factory=WebConfig)
    api: ApiConfig = field(default_factory=ApiConfig)
    lifecycle: LifecycleConfig = field(default_factory=LifecycleConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    probes: ProbesConfig = field(default_factory=ProbesConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    docker: DockerConfig = field(default_factory=DockerConfig)
    kubernetes: KubernetesConfig = field(default_factory=KubernetesConfig)
