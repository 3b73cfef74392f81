"""[kubernetes] The kubelet or the API server."""

from __future__ import annotations

from typing import Literal

from agent.config.address import check_server
from agent.records import dataclass

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, slots=True)
class KubernetesConfig:
    """[kubernetes] Owner, requests, labels and annotations of this node's pods."""

    source: Literal["off", "kubelet", "api"] = "off"
    """kubelet: its list of pods, at https://NODE:10250. api: the API server, by list and watch."""
    url: str = ""
    """"https://127.0.0.1:10250"; "https://kubernetes.default.svc"."""
    node: str = ""
    """This node's name, for source = "api"."""
    token_file: str = f"{_ACCOUNT}/token"
    """Read anew for each request; "" sends none."""
    ca_file: str = f"{_ACCOUNT}/ca.crt"
    """Certificates to trust; "" the system's."""
    cert_file: str = ""
    key_file: str = ""
    verify: bool = True
    """Whether the server's certificate is checked. Many kubelets sign their own; whoever answers in
    their place gets the token, so have them sign by the cluster's CA (serverTLSBootstrap)."""
    interval: float = 30.0
    """Seconds between two looks at the kubelet's list."""
    labels: tuple[str, ...] = ()
    """Pod labels to keep; those of the runtime's files are known without."""
    annotations: tuple[str, ...] = ()
    """Pod annotations to keep."""

    def __post_init__(self) -> None:
        if self.source == "off":
            return
        if not self.url:
            raise ValueError(f'source = "{self.source}" needs url')
        check_server(self.url)
        if self.source == "api" and not self.node:
            raise ValueError('source = "api" needs node')
        if not self.interval >= 1:
            raise ValueError(f"interval = {self.interval}: must be at least 1")
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file need each other")
