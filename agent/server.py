"""The HTTP side: /metrics, /healthz, /readyz. GET and HEAD, nothing else.

    /metrics    the page, in the format the client likes most (agent/page.py); also at
                /metrics/cadvisor, where scrapes of the kubelet look
    /           the host for a browser, where it is switched on (agent/webpage)
    /healthz    200 while the process serves requests
    /readyz     200 once a first Snapshot was read, 503 with the reason before that; with ?verbose
                "degraded" and a line for each thing that does not work, where there are some: still
                200, since a new start would not mend it

A gate, where there is one, is before every path, as in Prometheus' exporters.

The server itself is cheroot's. One page is made at a time: a second scrape that arrives meanwhile
waits for it rather than reading the kernel twice.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from agent.compression import accepted, compress
from agent.exchange import TEXT, Request, Response, Site
from agent.plain_cheroot import Adapter, Server
from agent.records import replace

_LOOK_EVERY = 5.0
"""Seconds between looks for connections that were silent too long (cheroot: 10 s). Its own 0.5 s
cost a twentieth of what the agent used at a scrape of 60 containers every 5 s."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Pages(Protocol):
    """What the server serves; the daemon fills it in."""

    def metrics(self, accept: str) -> tuple[str, Iterator[bytes]]:
        """Content type and page, in pieces, for a client with this Accept header."""

    def not_ready(self) -> str | None:
        """Why the agent is not ready; None when it is."""

    def lacking(self) -> Sequence[str]:
        """What does not work though it is asked for; asked only where a client wants to know."""


class Verdict(Protocol):
    """What to do with a request."""

    @property
    def status(self) -> str:
        """ "" lets it in; else the status of the refusal."""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Put on the answer."""


class Gate(Protocol):
    """Who may ask."""

    def check(self, authorization: str) -> Verdict:
        """Judge a request by its Authorization header."""


StartResponse = Callable[[str, list[tuple[str, str]]], object]


class MetricsServer:
    """Serves `pages` at `address` until stopped."""

    def __init__(
        self,
        address: tuple[str, int],
        pages: Pages,
        gate: Gate | None = None,
        tls: Adapter | None = None,
        sites: Mapping[str, Site] | None = None,
    ) -> None:
        """
        Bind the socket. Without `gate` everybody may ask; without `tls` it is plain HTTP;
        `sites`: what answers at further paths, or at "/".

        Raises OSError where the address is taken or not ours.
        """
        self._pages = pages
        self._gate = gate
        self._sites = sites or {}
        # Two threads: a slow reader of a page must not keep a health check waiting.
        host, port = address
        self._server = Server(
            (_unencoded(host), port), self._application, numthreads=2, request_queue_size=16
        )
        self._server.ssl_adapter = tls
        self._server.expiration_interval = _LOOK_EVERY
        self._server.prepare()

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self._server.ssl_adapter is not None

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
        stopping = threading.Thread(target=self._server.stop, name="stop")
        stopping.start()
        while stopping.is_alive():
            # It waits for the loop that accepts connections, which one more connection wakes.
            with contextlib.suppress(OSError), socket.create_connection(self.address, 1.0):
                pass
            stopping.join(0.05)

    def _application(
        self, environ: dict[str, object], start_response: StartResponse
    ) -> Iterable[bytes]:
        method = str(environ["REQUEST_METHOD"])
        verdict = self._gate and self._gate.check(str(environ.get("HTTP_AUTHORIZATION", "")))
        if verdict and verdict.status:
            response = Response(verdict.status, TEXT, (f"{verdict.status}\n".encode(),))
        else:
            response = self._site_answer(method, environ) or respond(
                method,
                str(environ.get("PATH_INFO", "/")),
                self._pages,
                accept=str(environ.get("HTTP_ACCEPT", "")),
                accept_encoding=str(environ.get("HTTP_ACCEPT_ENCODING", "")),
                verbose="verbose" in str(environ.get("QUERY_STRING", "")).split("&"),
            )
        own = dict(verdict.headers) if verdict else {}
        headers = list(
            {
                "Content-Type": response.content_type,
                "Date": http_date(time.time()),
                "X-Content-Type-Options": "nosniff",
                **own,
                **dict(response.headers),
            }.items()
        )
        if response.varies:
            headers.append(("Vary", "Accept, Accept-Encoding"))
        if response.gzip:
            headers.append(("Content-Encoding", "gzip"))
        start_response(response.status, headers)
        if method == "HEAD":
            return ()
        return compress(response.body) if response.gzip else response.body

    def _site_answer(self, method: str, environ: dict[str, object]) -> Response | None:
        """None: there is none at this path."""
        site = self._sites.get(str(environ.get("PATH_INFO")))
        if site is None or method not in ("GET", "HEAD"):
            return None
        response = site.answer(
            Request(
                query=str(environ.get("QUERY_STRING", "")),
                host=str(environ.get("HTTP_HOST", "")),
                known=str(environ.get("HTTP_IF_NONE_MATCH", "")),
                authorization=str(environ.get("HTTP_AUTHORIZATION", "")),
            )
        )
        packed = response.gzip and accepted(str(environ.get("HTTP_ACCEPT_ENCODING", "")))
        return replace(response, gzip=packed)


def _unencoded(host: str) -> str | bytes:
    """
    An IPv4 address as bytes, which Python does not encode; names and others as they are.

    The encoding of names that are not ASCII takes 140 KB, for good.
    """
    with contextlib.suppress(OSError, UnicodeError):
        socket.inet_pton(socket.AF_INET, host)
        return host.encode()
    return host


def http_date(moment: float) -> str:
    """
    A moment in seconds since the epoch as HTTP writes it (RFC 9110, section 5.6.7).

    cheroot would ask the standard library's parser of mail, which takes 1 MB.
    """
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(moment)
    return (
        f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04}"
        f" {hour:02}:{minute:02}:{second:02} GMT"
    )


def respond(
    method: str,
    path: str,
    pages: Pages,
    *,
    accept: str = "",
    accept_encoding: str = "",
    verbose: bool = False,
) -> Response:
    """Answer one request."""
    if method not in ("GET", "HEAD"):
        return Response("405 Method Not Allowed", TEXT, (b"only GET and HEAD\n",))
    if path in ("/metrics", "/metrics/cadvisor"):
        content_type, body = pages.metrics(accept)
        return Response("200 OK", content_type, body, accepted(accept_encoding), varies=True)
    if path == "/healthz":
        return Response("200 OK", TEXT, (b"ok\n",))
    if path == "/readyz":
        reason = pages.not_ready()
        if reason is None:
            lacking = pages.lacking() if verbose else ()
            said = "\n".join(("degraded" if lacking else "ok", *lacking))
            return Response("200 OK", TEXT, (f"{said}\n".encode(),))
        return Response("503 Service Unavailable", TEXT, (f"{reason}\n".encode(),))
    if path == "/":
        return Response("200 OK", TEXT, (b"container-agent\n\n/metrics\n/healthz\n/readyz\n",))
    return Response("404 Not Found", TEXT, (b"nothing here; see /metrics\n",))
