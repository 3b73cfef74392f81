"""Ports for servers that can't be told to take any and say which."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of the loopback that nobody listens at. Another may take it before it is used."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
