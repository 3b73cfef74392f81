"""Which of several Forward servers gets the next connection.

Those that are not in their back-off, by weighted chance: a server of weight 2 gets twice as many
connections as one of weight 1, over all agents. A standby server comes after all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from agent.log_destinations import ForwardServer
from exporters.backoff import Backoff
from exporters.fluentd.sender import PackedForwardSender

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for a connection, and as many for TLS and the handshake."""


class Server:
    """One server, and how it has behaved."""

    __slots__ = ("backoff", "config", "sender")

    def __init__(self, config: ForwardServer, tag: str, chance: Callable[[], float]) -> None:
        self.config = config
        self.sender = PackedForwardSender(
            tag, host=config.host, port=config.port, timeout=CONNECT_TIMEOUT
        )
        self.backoff = Backoff(chance)

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        host = self.config.host
        if host.startswith("unix://"):
            return host
        return f"[{host}]:{self.config.port}" if ":" in host else f"{host}:{self.config.port}"


class Servers:
    """All servers of a destination."""

    def __init__(
        self, configs: Sequence[ForwardServer], tag: str, chance: Callable[[], float]
    ) -> None:
        self.all = [Server(config, tag, chance) for config in configs]
        self._chance = chance

    def due(self, now: float) -> list[Server]:
        """Return the servers that may be tried now, in the order in which to try them."""
        due = [server for server in self.all if not server.backoff.left(now)]
        # The largest of u^(1/w) is server i with chance w_i / sum of w, and so on for the rest.
        due.sort(key=lambda server: self._chance() ** (1 / server.config.weight), reverse=True)
        return sorted(due, key=lambda server: server.config.standby)

    def first_due(self, now: float, *, standby: bool = True) -> tuple[float, str]:
        """Seconds until the first may be tried, and why it waits. standby: count these as well."""
        waits = [
            (server.backoff.left(now), server.backoff.reason)
            for server in self.all
            if standby or not server.config.standby
        ]
        return min(waits, default=(float("inf"), ""))
