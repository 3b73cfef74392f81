"""GET and nothing else, to one server: over a Unix socket or TLS. Blocking: it belongs in a thread.

    unix:///run/docker.sock     a socket of this host
    https://10.0.0.7:10250      certificate and name are checked
    http://127.0.0.1:8001       this host alone: a token would be for all to read

It follows no redirect and uses no proxy, and can be aborted from another thread. Headers (a token
from its file) are made for each request.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from agent.version import VERSION

MOST_OF_ANSWER: Final = 64 * 1024 * 1024
"""Bytes. A kubelet's list of 250 pods is 3 MiB, one Docker container 10 KiB."""
_MOST_OF_LINE: Final = 4 * 1024 * 1024

Failure = (OSError, http.client.HTTPException, ValueError)
"""What a server or a file can make of a request. ValueError: an answer that is none of ours."""


class Refused(Exception):
    """The server's answer was no 2xx. Its body is not quoted: whose it is nobody knows."""

    def __init__(self, target: str, status: int) -> None:
        super().__init__(f"{target.partition('?')[0]}: the answer is {status}")
        self.status = status


class Client:
    """One server. `abort` from any thread, everything else from one."""

    def __init__(
        self,
        url: str,
        *,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        headers: Callable[[], Mapping[str, str]] = dict,
        timeout: float = 10.0,
    ) -> None:
        """tls and headers are asked for each connection. timeout: seconds without a byte."""
        parts = urlsplit(url)
        self._parts = parts
        self._tls = tls
        self._headers = headers
        self._timeout = timeout
        self._open: set[socket.socket] = set()
        """Of requests on their way: a stream, and what is asked beside it."""
        self._aborted = False
        self._agent = f"container-agent/{VERSION}"

    def get(self, target: str, accept: str = "application/json") -> bytes:
        """The whole body. Raises `Refused` and one of `Failure`."""
        connection, sock, response = self._ask(target, accept)
        try:
            body = response.read(MOST_OF_ANSWER + 1)
            if len(body) > MOST_OF_ANSWER:
                raise ValueError(f"{target}: more than {MOST_OF_ANSWER} bytes")
            return body
        finally:
            self._close(connection, sock, response)

    def lines(self, target: str, *, quiet: float | None) -> Iterator[bytes]:
        """
        The body line by line as it comes, until the server ends it. quiet: seconds without a line
        after which it is given up; None for never. Raises as `get` does.
        """
        connection, sock, response = self._ask(target, "application/json")
        try:
            sock.settimeout(quiet)
            while line := response.readline(_MOST_OF_LINE):
                if not line.endswith(b"\n") and len(line) == _MOST_OF_LINE:
                    raise ValueError(f"{target}: a line of more than {_MOST_OF_LINE} bytes")
                yield line
        finally:
            self._close(connection, sock, response)

    def abort(self) -> None:
        """Let the request that is on its way fail, and every later one."""
        self._aborted = True
        for sock in list(self._open):
            try:
                # The plain socket's: SSLSocket's own would take its state from under the reader.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed meanwhile

    def _ask(
        self, target: str, accept: str
    ) -> tuple[http.client.HTTPConnection, socket.socket, http.client.HTTPResponse]:
        connection = self._connection()
        connection.connect()
        sock = connection.sock
        self._open.add(sock)
        try:
            if self._aborted:
                raise ConnectionAbortedError("the agent stops")
            headers = {"User-Agent": self._agent, "Accept": accept, **self._headers()}
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
        except BaseException:
            self._close(connection, sock)
            raise
        if response.status // 100 != 2:
            self._close(connection, sock, response)
            raise Refused(target, response.status)
        return connection, sock, response

    def _close(
        self,
        connection: http.client.HTTPConnection,
        sock: socket.socket,
        response: http.client.HTTPResponse | None = None,
    ) -> None:
        self._open.discard(sock)
        if response is not None:
            response.close()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts, timeout = self._parts, self._timeout
        if parts.scheme == "unix":
            return _UnixConnection(parts.path, timeout)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, parts.port, timeout=timeout, context=self._tls()
            )
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.timeout)
            sock.connect(self._path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock
