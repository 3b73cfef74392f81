"""[metrics] The page and what is on it."""

from __future__ import annotations

from typing import Literal

from agent.config.address import split_address
from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """[metrics]"""

    listen: str = "127.0.0.1:9464"
    """HOST:PORT or [IPV6]:PORT. Loopback: the page is public only when somebody says so."""
    interval: float = 10.0
    """Seconds between ticks when nobody scrapes; a scrape reads anew."""
    labels: Literal["kubelet", "cadvisor"] = "kubelet"
    """Whose labels container series have: the kubelet's, which queries for Kubernetes expect, or
    those of cAdvisor on its own, with container_label_* (docs/metrics.md)."""
    container_labels: tuple[str, ...] = (
        "com.docker.compose.project",
        "com.docker.compose.service",
        "com.docker.compose.project.working_dir",
    )
    """Container labels that labels = "cadvisor" shows: those of Grafana's dashboard 14282. Each one
    more is on every series."""
    groups_enabled: tuple[str, ...] = ()
    """Groups of metrics beside the default ones, by cAdvisor's names (docs/metrics.md)."""
    groups_disabled: tuple[str, ...] = ()
    """Groups to leave out; what cAdvisor's --disable_metrics takes is understood."""
    systemd: bool = False
    """Also tell systemd's services, as containers whose name is the unit's. Off: a host has more of
    them than containers, and a service that runs containers counts these once more."""

    def __post_init__(self) -> None:
        split_address(self.listen)
        if self.interval < 0.1:
            raise ValueError(f"interval = {self.interval}: must be at least 0.1 s")
