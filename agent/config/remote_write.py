"""[remote_write] Where metrics are pushed."""

from __future__ import annotations

import re
from typing import Literal

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class RemoteWriteConfig:
    """[remote_write] Push the metrics of a host that nobody can scrape. See docs/remote-write.md.

    What is secret is in files, read anew for each request: it is on no command line, and a token
    that is replaced is used.
    """

    url: str = ""
    """"https://mimir.example/api/v1/push"; "" writes nowhere."""
    interval: float = 15.0
    """Seconds between two Snapshots written."""
    protocol: Literal["auto", "2.0", "1.0"] = "auto"
    """auto: 2.0, and 1.0 once the receiver says or shows that it does not know it."""
    timeout: float = 30.0
    """Seconds for one request."""
    queue_dir: str = "/var/lib/container-agent/remote-write"
    queue_max_bytes: int = 256 * 1024 * 1024
    """1,000 containers fill this in about an hour and a half; 20 in more than two days."""
    external_labels: tuple[str, ...] = ()
    """"NAME=VALUE". job and instance are "cadvisor" and the host's name unless they are here."""
    keep: str = ""
    """A regular expression that a metric's whole name must match; "" keeps all."""
    drop: str = ""
    """One that it must not match."""
    headers: tuple[str, ...] = ()
    """"NAME: VALUE", as in "X-Scope-OrgID: team-a"."""
    username: str = ""
    password_file: str = ""
    bearer_token_file: str = ""
    ca_file: str = ""
    """Certificates to trust instead of the system's."""
    cert_file: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        if self.url:
            from agent.log_destinations import check_url

            check_url(self.url)
        for name, least in (("interval", 1.0), ("timeout", 1.0), ("queue_max_bytes", 1024 * 1024)):
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f"{name} = {value}: must be at least {least:g}")
        for name in ("keep", "drop"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                raise ValueError(f"{name}: not a regular expression: {error}") from None
        self._check_labels_and_headers()
        for one, other in (("username", "password_file"), ("cert_file", "key_file")):
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                raise ValueError(f"{one} and {other} need each other")
        if self.username and self.bearer_token_file:
            raise ValueError("either password_file or bearer_token_file")

    def _check_labels_and_headers(self) -> None:
        for label in self.external_labels:
            name, equals, value = label.partition("=")
            if (
                not equals
                or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name)
                or name.startswith("__")
            ):
                raise ValueError(f'external_labels: {label!r}: write "NAME=VALUE"')
            if not value:
                raise ValueError(f"external_labels: {name} has no value")
        if self.headers:
            from agent.log_destinations import check_headers

            check_headers(self.headers)
