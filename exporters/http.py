"""HTTP for every exporter: the standard library's client, and what an answer means.

    Connection   one kept connection to one server. Blocking: it belongs in a thread
    HttpClient   several servers, some requests at once, for asyncio; back-off per server

Why this client: it adds 2 MiB to a log worker; urllib3 takes 5.6 beside asyncio, httpx as much
before its first request, aiohttp 14.6. And its sockets can be shut from outside, which ends a
request at its deadline however slowly a server drips. It follows no redirect and uses no proxy.
Secrets are read from their files for each request.

    2xx                      the caller's to judge
    413                      too large: the caller cuts it in two
    429, 5xx, no answer,     again, at the next server if there is one, else after the back-off and
    an answer that is none   not before Retry-After
    3xx, 401, 403, 404, 405  again, too: a wrong token or path is the operator's to mend, and must
                             not cost a line
    any other                refused, and would be again
"""

from __future__ import annotations

import asyncio
import base64
import email.utils
import http.client
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from agent.compression import compress
from agent.faults import told
from agent.logs.chunk import RetryAfter
from agent.records import dataclass
from agent.version import VERSION
from exporters.backoff import Backoff
from exporters.tls import TlsFiles, tls

CONNECT_TIMEOUT: Final = 5.0
LONGEST_RETRY_AFTER: Final = 600.0
"""Seconds; a Retry-After beyond that is a server's mistake."""
RETRIED: Final = frozenset({401, 403, 404, 405, 408, 425, 429})
"""And every 5xx, and what is no answer to a POST at all (1xx, 3xx)."""
_MOST_OF_ANSWER: Final = 16 * 1024 * 1024
_SEVERAL: Final = 4
"""Requests at once."""

Failure = (OSError, http.client.HTTPException, ValueError)
"""What a server or a file can make of a request. ValueError: a header no header may have."""


class Options(TlsFiles, Protocol):
    """How to be let in. All are ""/() where there is nothing to say."""

    @property
    def timeout(self) -> float: ...
    @property
    def headers(self) -> tuple[str, ...]: ...
    @property
    def username(self) -> str: ...
    @property
    def password_file(self) -> str: ...
    @property
    def bearer_token_file(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def in_words(self) -> str:
        """Status and the first line of the body, for a person."""
        return f"{self.status} {self.first_line}".rstrip()

    @property
    def first_line(self) -> str:
        """Of the body, at most 200 characters."""
        text = self.body[:1000].decode("utf-8", "replace").strip()
        return text.partition("\n")[0][:200]


class Connection:
    """One kept connection to one URL. Not thread-safe, but for `abort`."""

    def __init__(self, url: str, options: Options) -> None:
        parts = urlsplit(url)
        self._https = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._options = options
        self._connection: http.client.HTTPConnection | None = None
        self._aborted = False
        self._agent = f"container-agent/{VERSION}"

    def post(self, body: bytes, headers: Mapping[str, str], most: int = _MOST_OF_ANSWER) -> Answer:
        """
        Send one request and read its answer, of which at most `most` bytes.

        Raises one of `Failure`. A kept connection that the server closed meanwhile says nothing
        about the server: it is made anew, once.
        """
        headers = {"User-Agent": self._agent, **headers}
        kept = self._connection is not None
        try:
            return self._exchange(body, headers, most)
        except Failure as error:
            self.close()
            if not kept or self._aborted or not isinstance(error, ConnectionError):
                raise
        try:
            return self._exchange(body, headers, most)
        except Failure:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next request opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abort(self) -> None:
        """From another thread: let the request that is on its way fail, and every later one."""
        self._aborted = True
        connection = self._connection
        sock = connection.sock if connection is not None else None
        if sock is not None:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def _exchange(self, body: bytes, headers: Mapping[str, str], most: int) -> Answer:
        if self._connection is None:
            self._connection = self._connect()
        if self._aborted:
            raise TimeoutError("the request took too long")
        try:
            self._connection.request("POST", self._target, body, dict(headers))
        except ConnectionError as error:
            return self._early_answer(error)
        response = self._connection.getresponse()
        text = response.read(most)
        if response.read(1):
            self.close()  # a long answer: its rest is not worth reading
        elif response.length:
            raise http.client.IncompleteRead(text)
        elif response.will_close:
            self.close()
        return Answer(response.status, response.headers, text)

    def _early_answer(self, error: ConnectionError) -> Answer:
        """What was answered before the body was sent whole, as a proxy's 413 is; else `error`."""
        assert self._connection is not None
        try:
            response = self._connection.getresponse()
        except Failure:
            raise error from None
        if response.status < 400 or response.status == 408:
            raise error  # nobody took half a body; 408 is an idle connection's end
        try:
            text = response.read(_MOST_OF_ANSWER)
        except Failure:
            text = b""  # reset in its middle: the status is what counts
        self.close()
        return Answer(response.status, response.headers, text)

    def _connect(self) -> http.client.HTTPConnection:
        made: http.client.HTTPConnection
        if self._https:
            made = http.client.HTTPSConnection(
                self._host, self._port, timeout=CONNECT_TIMEOUT, context=tls(self._options)
            )
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_TIMEOUT)
        made.connect()
        made.sock.settimeout(self._options.timeout)
        return made


def authorization(options: Options) -> dict[str, str]:
    """Return the headers of `options`, with the secrets as they are now. Raises OSError."""
    headers: dict[str, str] = {}
    for header in options.headers:
        name, _, value = header.partition(":")
        headers[name] = value.strip()
    if options.bearer_token_file:
        headers["Authorization"] = f"Bearer {token(options.bearer_token_file)}"
    elif options.username:
        pair = f"{options.username}:{secret(options.password_file)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers


def secret(path: str) -> str:
    """Read what a file holds, without the newline at its end. Raises OSError."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise OSError(f"{path}: not UTF-8") from None


def is_retried(status: int) -> bool:
    """Whether the same request may be taken later."""
    return status >= 500 or status in RETRIED or status < 200 or 300 <= status < 400


def token(path: str) -> str:
    """Read a secret that goes into a header as it is. Raises OSError, which never quotes it."""
    text = secret(path)
    if not text.isascii() or not text.isprintable():
        raise OSError(f"{path}: holds what no header may have")
    return text


class HttpClient:
    """Requests to one of several servers, for asyncio."""

    def __init__(
        self,
        urls: Sequence[str],
        options: Options,
        *,
        gzip: bool,
        headers: Mapping[str, str],
        headers_now: Callable[[], Mapping[str, str]] = dict,
        retried: Callable[[int], bool] = is_retried,
        several: int = _SEVERAL,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        """headers_now: more of them, made in the thread of each request; may raise OSError.
        retried: whether a status says "again". several: requests at once; 1 keeps their order."""
        self._servers = [_Server(url, backoff()) for url in urls]
        self._options = options
        self._gzip = gzip
        self._headers = dict(headers) | ({"Content-Encoding": "gzip"} if gzip else {})
        self._headers_now = headers_now
        self._retried = retried
        self._turn = asyncio.Semaphore(several)
        self._executor = ThreadPoolExecutor(several, thread_name_prefix="http")
        self._busy: set[Connection] = set()
        self._answered: bool | None = None

    @property
    def connected(self) -> bool | None:
        """Whether the last request was answered; None before the first."""
        return self._answered

    async def post(self, body: bytes) -> Answer | RetryAfter:
        """Send one body; return an answer that is to be judged, or when to try again."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            failed: Answer | str = ""
            # The one that answered last first, so that a healthy one is kept to.
            for server in list(self._servers):
                if server.backoff.left(loop.time()):
                    continue
                began = loop.time()
                outcome = await self._try(server, body)
                if isinstance(outcome, Answer) and not self._retried(outcome.status):
                    server.backoff.succeed(began)
                    self._answered = True
                    return outcome
                failed = outcome
                self._fail(server, outcome, began)
            now = loop.time()
            first = min(self._servers, key=lambda server: server.backoff.left(now))
            reason = failed.in_words if isinstance(failed, Answer) else failed
            return RetryAfter(first.backoff.left(now), reason or first.backoff.reason)

    async def close(self) -> None:
        """Give up what is on its way. Idempotent."""
        for connection in self._busy:
            connection.abort()
        for server in self._servers:
            while server.idle:
                server.idle.pop().close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _fail(self, server: _Server, outcome: Answer | str, began: float) -> None:
        now = asyncio.get_running_loop().time()
        if isinstance(outcome, Answer):
            after = retry_after(outcome.headers.get("Retry-After", ""), time.time())
            server.backoff.fail(now, outcome.in_words, after, began)
            self._answered = True
        else:
            server.backoff.fail(now, outcome, began=began)
            self._answered = False
        # Next time the others come first.
        self._servers.remove(server)
        self._servers.append(server)

    async def _try(self, server: _Server, body: bytes) -> Answer | str:
        """One request to one server; what went wrong in words."""
        connection = server.idle.pop() if server.idle else Connection(server.url, self._options)
        self._busy.add(connection)
        loop = asyncio.get_running_loop()
        request = loop.run_in_executor(self._executor, self._request, connection, body)
        finished = False
        try:
            await asyncio.wait({request}, timeout=self._options.timeout)
            finished = request.done()
        finally:
            self._busy.discard(connection)
            if not finished:
                # The deadline, or the agent stops: the thread ends when its socket is shut.
                connection.abort()
                request.add_done_callback(lambda done: _put_away(done, connection))
        if not finished:
            return f"{server.place}: no answer within {self._options.timeout:g} s"
        error = request.exception()
        if error is None:
            server.idle.append(connection)
            return request.result()
        connection.close()
        if not isinstance(error, Failure):
            raise error
        return f"{server.place}: {_explain(error)}"

    def _request(self, connection: Connection, body: bytes) -> Answer:
        if self._gzip:
            body = b"".join(compress([body]))
        headers = {**self._headers, **authorization(self._options), **self._headers_now()}
        return connection.post(body, headers)


class _Server:
    __slots__ = ("backoff", "idle", "place", "url")

    def __init__(self, url: str, backoff: Backoff) -> None:
        self.url = url
        self.backoff = backoff
        self.idle: list[Connection] = []
        self.place = urlsplit(url).netloc


def _put_away(request: asyncio.Future[Answer], connection: Connection) -> None:
    if not request.cancelled():
        request.exception()  # it was aborted: that it failed is no news
    connection.close()


def _explain(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "the answer ends in its middle"
    if isinstance(error, OSError):
        return told(error)[:200]
    return f"{type(error).__name__}: {str(error)[:200]}".rstrip(": ")


def retry_after(value: str, now: float) -> float:
    """Seconds a Retry-After header asks to wait: it has them, or a date; 0 for neither."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        date = email.utils.parsedate_to_datetime(value)
        return min(max(0.0, date.timestamp() - now), LONGEST_RETRY_AFTER)
    except (ValueError, OverflowError):
        return 0.0
