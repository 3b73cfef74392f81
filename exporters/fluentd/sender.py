"""fluent-logger's FluentSender, taught what it lacks: IPv6, ready-made frames, and no lost acks.

FluentSender (0.11, the last release) sends one record per message, connects to IPv4 only, and reads
and throws away whatever the server sends back, acknowledgements included. What is kept of it: host,
port, tag, timeout, the lazy connection and its clean close. Which of its private names that needs
is `USED_NAMES`; a test asserts that they are there.
"""

from __future__ import annotations

import socket as net
from typing import Final

from fluent.sender import FluentSender

USED_NAMES: Final = ("_close", "_reconnect", "_send_data", "_closed")


class PackedForwardSender(FluentSender):  # type: ignore[misc] # fluent-logger has no types
    """One connection to one server, for whole frames. Blocking: `connect` belongs in a thread."""

    tag: str
    host: str
    port: int
    timeout: float
    socket: net.socket | None

    def connect(self) -> net.socket:
        """Return the connection, made anew if there is none. Raises OSError."""
        self._reconnect()
        if self.socket is None:
            raise ConnectionError("no connection")
        return self.socket

    def detach(self) -> net.socket:
        """Make a connection and give it away: the caller closes it. Raises OSError."""
        made = self.connect()
        self.socket = None
        return made

    def _reconnect(self) -> None:
        if self.socket is not None:
            return
        if self.host.startswith("unix://"):
            super()._reconnect()
            return
        # Every address of the name in turn, IPv6 included.
        made = net.create_connection((self.host, self.port), timeout=self.timeout)
        made.setsockopt(net.IPPROTO_TCP, net.TCP_NODELAY, 1)
        # A peer that vanished without a word is noticed while nothing is sent: Fluent Bit closes
        # the connection on the protocol's own heartbeat, nil.
        made.setsockopt(net.SOL_SOCKET, net.SO_KEEPALIVE, 1)
        made.setsockopt(net.IPPROTO_TCP, net.TCP_KEEPIDLE, 30)
        made.setsockopt(net.IPPROTO_TCP, net.TCP_KEEPINTVL, 10)
        made.setsockopt(net.IPPROTO_TCP, net.TCP_KEEPCNT, 3)
        self.socket = made

    def _send_data(self, bytes_: bytes) -> None:
        """For `emit`: the whole frame, and nothing read that belongs to the reader of acks."""
        self.connect().sendall(bytes_)
