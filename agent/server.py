"""The HTTP side: /metrics, /healthz, /readyz. GET and HEAD, nothing else.

    /metrics    the page, text format 0.0.4; also at /metrics/cadvisor, where kubelet scrapes look
    /healthz    200 while the process serves requests
    /readyz     200 once a first Snapshot was read, 503 with the reason before that

The server itself is cheroot's. One page is made at a time: a second scrape that arrives meanwhile
waits for it rather than reading the kernel twice.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from cheroot.wsgi import Server

TEXT = "text/plain; charset=utf-8"
_GZIP_LEVEL = 1
"""Level 1 makes a page 5 times smaller for a tenth of the CPU that level 9 takes for 6 times."""


class Pages(Protocol):
    """What the server serves; the daemon fills it in."""

    content_type: str

    def metrics(self) -> Iterator[bytes]:
        """The page, in pieces."""

    def not_ready(self) -> str | None:
        """Why the agent is not ready; None when it is."""


@dataclass(frozen=True, slots=True)
class Response:
    """What one request gets."""

    status: str
    content_type: str
    body: Iterable[bytes]
    gzip: bool = False


StartResponse = Callable[[str, list[tuple[str, str]]], object]


class MetricsServer:
    """Serves `pages` at `address` until stopped."""

    def __init__(self, address: tuple[str, int], pages: Pages) -> None:
        """Bind the socket. Raises OSError where the address is taken or not ours."""
        self._pages = pages
        # Two threads: a slow reader of a page must not keep a health check waiting.
        self._server = Server(address, self._application, numthreads=2, request_queue_size=16)
        self._server.prepare()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: (host, port); the port is the kernel's choice if 0 was asked for."""
        host, port = self._server.bind_addr[:2]
        return str(host), int(port)

    def serve(self) -> None:
        """Serve requests until `stop` is called from another thread."""
        self._server.serve()

    def stop(self) -> None:
        """End `serve` and close the sockets."""
        self._server.stop()

    def _application(
        self, environ: dict[str, object], start_response: StartResponse
    ) -> Iterable[bytes]:
        method = str(environ["REQUEST_METHOD"])
        response = respond(
            method,
            str(environ.get("PATH_INFO", "/")),
            str(environ.get("HTTP_ACCEPT_ENCODING", "")),
            self._pages,
        )
        headers = [("Content-Type", response.content_type), ("X-Content-Type-Options", "nosniff")]
        if response.gzip:
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        start_response(response.status, headers)
        if method == "HEAD":
            return ()
        return compress(response.body) if response.gzip else response.body


def respond(method: str, path: str, accept_encoding: str, pages: Pages) -> Response:
    """Answer one request."""
    if method not in ("GET", "HEAD"):
        return Response("405 Method Not Allowed", TEXT, (b"only GET and HEAD\n",))
    if path in ("/metrics", "/metrics/cadvisor"):
        return Response(
            "200 OK", pages.content_type, pages.metrics(), gzip=accepts_gzip(accept_encoding)
        )
    if path == "/healthz":
        return Response("200 OK", TEXT, (b"ok\n",))
    if path == "/readyz":
        reason = pages.not_ready()
        if reason is None:
            return Response("200 OK", TEXT, (b"ok\n",))
        return Response("503 Service Unavailable", TEXT, (f"{reason}\n".encode(),))
    if path == "/":
        return Response("200 OK", TEXT, (b"container-agent\n\n/metrics\n/healthz\n/readyz\n",))
    return Response("404 Not Found", TEXT, (b"nothing here; see /metrics\n",))


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header takes gzip (RFC 9110, section 12.5.3)."""
    weights: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        coding, _, parameters = item.partition(";")
        name, _, weight = parameters.strip().partition("=")
        try:
            weights[coding.strip()] = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Gzip a stream piece by piece, so that the whole page is never held in memory."""
    stream = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for piece in pieces:
        if data := stream.compress(piece):
            yield data
    yield stream.flush()
