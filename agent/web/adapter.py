"""TLS for cheroot with our own context, and the handshake where it holds up nobody.

cheroot's own adapter shakes hands in the thread that accepts connections: a client that connects
and says nothing would keep every other out for ten seconds. Here the first read does it, in the
thread that serves the connection.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from cheroot.errors import FatalSSLAlert
from cheroot.makefile import StreamReader, StreamWriter
from cheroot.ssl import Adapter

from agent.web.tls import Context, names_of

log = logging.getLogger(__name__)


class TlsAdapter(Adapter):
    """Wraps each connection with the context of now."""

    def __init__(self, context: Callable[[], Context]) -> None:
        self._current = context

    def bind(self, sock: socket.socket) -> socket.socket:
        """The listening socket stays as it is."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """A new connection, and what it adds to each request's environ."""
        context = self._current()
        context.sslsocket_class = _Socket
        wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        """What each request's environ has."""
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(
        self, sock: socket.socket, mode: str = "r", bufsize: int = -1
    ) -> StreamReader | StreamWriter:
        """A file object to read from or write to the connection."""
        return (StreamReader if "r" in mode else StreamWriter)(sock, mode, bufsize)


class _Socket(ssl.SSLSocket):
    """Shakes hands when it is first read."""

    _greeted = False

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        if not self._greeted:
            self._greet()
        return super().recv_into(buffer, nbytes, flags)

    def _greet(self) -> None:
        try:
            self.do_handshake()
        except OSError as error:
            log.debug("TLS handshake: %s", error)
            raise FatalSSLAlert(*error.args) from None
        context = self.context
        allowed = context.allowed_sans if isinstance(context, Context) else None
        if allowed is not None and not allowed & names_of(self.getpeercert()):
            log.warning("a client's certificate has none of the allowed names")
            raise FatalSSLAlert("client certificate")
        self._greeted = True
