"""What agent.toml may say, one module a section, and the Config that holds them all.

Every record is frozen. Each default is in its section, with its reason; a value out of range is
refused with a ValueError that names the key. `agent.configfile` reads the file into them.
Destinations and rules of logs are in `agent.log_destinations` and `agent.log_rules`, loaded
where some are written down.
"""

from agent.config.address import is_loopback, split_address
from agent.config.api import ApiConfig
from agent.config.docker import DockerConfig
from agent.config.filesystem import FilesystemConfig
from agent.config.history import HistoryConfig
from agent.config.kubernetes import KubernetesConfig
from agent.config.lifecycle import LifecycleConfig
from agent.config.logs import JournaldConfig, LogFiles, LogsConfig
from agent.config.metrics import MetricsConfig
from agent.config.paths import HostPaths
from agent.config.probes import ProbesConfig
from agent.config.remote_write import RemoteWriteConfig
from agent.config.security import SECURITY_CHECKS, SecurityConfig
from agent.config.web import WebConfig
from agent.config.whole import Config

__all__ = [
    "SECURITY_CHECKS",
    "ApiConfig",
    "Config",
    "DockerConfig",
    "FilesystemConfig",
    "HistoryConfig",
    "HostPaths",
    "JournaldConfig",
    "KubernetesConfig",
    "LifecycleConfig",
    "LogFiles",
    "LogsConfig",
    "MetricsConfig",
    "ProbesConfig",
    "RemoteWriteConfig",
    "SecurityConfig",
    "WebConfig",
    "is_loopback",
    "split_address",
]
