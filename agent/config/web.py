"""[web] Who may read the agent's own server."""

from __future__ import annotations

from typing import Literal

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class WebConfig:
    """[web]"""

    config_file: str = ""
    """TLS and passwords for the agent's own server, in the file format of Prometheus' exporters;
    see docs/web-config.md. "" serves plain HTTP to everybody."""

    page: Literal["loopback", "always", "never"] = "loopback"
    """Whether "/" is the host for a browser: containers, what is wrong with them, charts. loopback
    serves it where `metrics.listen` is a loopback address; always needs config_file's passwords to
    keep others out."""
