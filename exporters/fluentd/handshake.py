"""The handshake of a Forward server with a shared key: bytes in, bytes out. No I/O.

    server  ["HELO", {"nonce": 16 bytes, "auth": bytes, "keepalive": bool}]
    client  ["PING", hostname, salt, sha512(salt+hostname+nonce+key),
             user, sha512(auth+user+password)]
    server  ["PONG", true, "", hostname, sha512(salt+hostname+nonce+key)]

Digests are hex. What servers do beside the spec: Fluent Bit packs its random bytes as str, which
are no UTF-8, and leaves "keepalive" out; Fluentd sends an "auth" also where it asks for no login.
An empty "auth" is a server that wants no password digest. The server's digest is checked: the key
is proven in both directions.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgpack

from agent.records import NamedTuple

MOST: Final = 16 * 1024
"""Bytes of a message of the handshake."""


class Refused(ConnectionError):
    """The server does not let us in, or is not the one it should be."""


class Hello(NamedTuple):
    """What a server begins with."""

    nonce: bytes
    auth: bytes
    keepalive: bool
    """False: it closes the connection after each message."""


class Credentials(NamedTuple):
    """Who we are."""

    hostname: str
    key: bytes
    username: str = ""
    password: bytes = b""


class Messages:
    """Bytes to whole messages, one at a time."""

    def __init__(self) -> None:
        # raw: what should be text may be random bytes.
        self._unpacker = msgpack.Unpacker(raw=True, max_buffer_size=MOST)

    def feed(self, data: bytes) -> object | None:
        """Return the message that `data` completes. Raise Refused for what is none."""
        try:
            self._unpacker.feed(data)
            whole: list[object] = list(self._unpacker)
        except Exception as error:  # noqa: BLE001 msgpack's errors have no common class
            raise Refused(f"not a handshake: {type(error).__name__} {error}") from None
        if len(whole) > 1:
            raise Refused("the server says more than it was asked")
        return whole[0] if whole else None


def parse_hello(message: object) -> Hello:
    """Read the server's first message. Raise Refused for any other."""
    match message:
        case [b"HELO", {b"nonce": bytes(nonce), **rest}]:
            auth = rest.get(b"auth", b"")
            keepalive = rest.get(b"keepalive", True)
            if isinstance(auth, bytes):
                return Hello(nonce, auth, keepalive is not False)
    raise Refused(f"not a HELO: {message!r}"[:200])


def ping(hello: Hello, who: Credentials, salt: str) -> bytes:
    """Answer the server's HELO. `salt`: random text, new for each connection."""
    name = who.hostname.encode()
    login = _digest(hello.auth, who.username.encode(), who.password) if hello.auth else ""
    message = (
        "PING",
        who.hostname,
        salt,
        _digest(salt.encode(), name, hello.nonce, who.key),
        who.username if hello.auth else "",
        login,
    )
    packed: bytes = msgpack.packb(message)
    return packed


def check_pong(message: object, hello: Hello, who: Credentials, salt: str) -> None:
    """Raise Refused unless the server lets us in and has the key itself."""
    match message:
        case [b"PONG", True, _reason, bytes(hostname), bytes(digest)]:
            if hostname == who.hostname.encode():
                raise Refused(f"the server has our own name {who.hostname!r}; set self_hostname")
            own = _digest(salt.encode(), hostname, hello.nonce, who.key).encode()
            if not hmac.compare_digest(own, digest):
                raise Refused("the server does not have the shared key")
        case [b"PONG", False, reason, *_]:
            text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else "no reason"
            raise Refused(f"the server refuses us: {text[:200]}")
        case _:
            raise Refused(f"not a PONG: {message!r}"[:200])


def _digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()
