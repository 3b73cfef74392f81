"""A strict server for the tests of agent.sources: HTTP/1.1 over TLS or a Unix socket, a thread.

It answers GET and nothing else, and notes what it was asked.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.agent.web.certificates import Pair


@dataclass
class Script:
    """What is answered, and what was asked."""

    bodies: dict[str, bytes | int] = field(default_factory=dict)
    """Path, or path and query → body, or a status. A path that ends in "*" is a stream."""
    token: str = ""
    """The one a request must bring; "" asks for none."""
    asked: list[str] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    opened: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released for each stream."""

    def stream(self) -> Stream:
        """The newest stream, once there is one more."""
        assert self.opened.acquire(timeout=20), f"no stream; asked: {self.asked}"
        return self.streams[-1]


class Stream:
    """One chunked answer that goes on."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.closed = threading.Event()

    def line(self, data: bytes) -> None:
        self._connection.sendall(b"%x\r\n%s\n\r\n" % (len(data) + 1, data))

    def end(self) -> None:
        self._connection.sendall(b"0\r\n\r\n")
        self.closed.set()

    def cut(self) -> None:
        """As a server that is killed."""
        self.closed.set()


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        script = self.server.script
        request = self.rfile.readline().decode().split()
        headers = {}
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        method, target, _ = request
        assert method == "GET"
        assert "host" in headers
        script.asked.append(target)
        if script.token and headers.get("authorization") != f"Bearer {script.token}":
            self._answer(401, b"who are you")
            return
        path = urlsplit(target).path
        if f"{path}*" in script.bodies and ("watch=1" in target or path.endswith("/events")):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            stream = Stream(self.connection)
            script.streams.append(stream)
            script.opened.release()
            stream.closed.wait()
            return
        body = script.bodies.get(target, script.bodies.get(path, 404))
        self._answer(*((body, b"no") if isinstance(body, int) else (200, body)))

    def _answer(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Server(socketserver.ThreadingMixIn, socketserver.BaseServer):
    daemon_threads = True
    script: Script

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away, or does not trust us, is no fault of the server's."""


class _Tcp(Server, socketserver.TCPServer):
    context: ssl.SSLContext

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self.context.wrap_socket(request, server_side=True) as secured:
            Handler(secured, client_address, self)


class _Unix(Server, socketserver.UnixStreamServer):
    pass


@contextmanager
def serving(script: Script, *, unix: Path | None = None, pair: Pair | None = None) -> Iterator[str]:
    """Serve `script` at a Unix socket, or with TLS at a free port; yields the URL."""
    server: Server
    if unix is not None:
        server, url = _Unix(str(unix), Handler), f"unix://{unix}"
    else:
        assert pair is not None
        tcp = _Tcp(("127.0.0.1", 0), Handler)
        tcp.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tcp.context.load_cert_chain(pair.cert, pair.key)
        server, url = tcp, f"https://127.0.0.1:{tcp.server_address[1]}"
    server.script = script
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield url
    finally:
        for stream in script.streams:
            stream.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()
