"""[web] Who may read the agent's own server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebConfig:
    """[web]"""

    config_file: str = ""
    """TLS and passwords for the agent's own server, in the file format of Prometheus' exporters;
    see docs/web-config.md. "" serves plain HTTP to everybody."""
