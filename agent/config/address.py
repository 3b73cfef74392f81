"""Addresses as the configuration writes them: HOST:PORT to listen on, https://HOST:PORT to ask."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit


def split_address(listen: str) -> tuple[str, int]:
    """Split HOST:PORT or [IPV6]:PORT. Port 0 asks the kernel for a free one."""
    host, colon, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"listen = {listen!r}: write an IPv6 address in brackets, [::1]:9464")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"listen = {listen!r}: must be HOST:PORT, as in 127.0.0.1:9464")
    return host, int(port)


def check_server(url: str) -> None:
    """Raise ValueError unless `url` is https://HOST[:PORT], or http:// to this host itself."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"url = {url!r}: must be https://HOST:PORT")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("url: must be https://HOST:PORT and no more")
    if parts.port == 0:  # raises ValueError for what is no port
        raise ValueError(f"url = {url!r}: 0 is no port")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"url = {url!r}: must be https, for a token is sent there")


def is_loopback(host: str) -> bool:
    """Whether a host's name or address, without brackets, is this host's own alone."""
    if host.lower() == "localhost":
        return True
    import socket  # which a server loads anyway; ipaddress takes 240 KB for this one question

    for family, loopback in ((socket.AF_INET, b"\x7f"), (socket.AF_INET6, bytes(15) + b"\1")):
        with suppress(OSError, UnicodeError):
            if socket.inet_pton(family, host).startswith(loopback):
                return True
    return False
