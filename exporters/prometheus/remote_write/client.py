"""One remote write receiver over HTTP: a request, its answer, and what that means.

    2xx                  written; with X-Prometheus-Remote-Write-Samples-Written it knows 2.0
    415, or 2xx without that header, to a 2.0 request     it does not: say it in 1.0
    429, 5xx, no answer  try again, not before Retry-After
    any other            refused, and would be again

The standard library's client: one kept connection, 0 MiB of memory where urllib3 takes 5 and httpx
12. It follows no redirect and uses no proxy.
"""

from __future__ import annotations

import base64
import email.utils
import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from agent.config import RemoteWriteConfig

Protocol = Literal["2.0", "1.0"]

_HEADERS: Final[dict[Protocol, dict[str, str]]] = {
    "2.0": {
        "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        "X-Prometheus-Remote-Write-Version": "2.0.0",
    },
    "1.0": {
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    },
}
_WRITTEN: Final = "X-Prometheus-Remote-Write-Samples-Written"
_MOST_OF_ANSWER: Final = 4096
_LONGEST_WAIT: Final = 600.0
"""Seconds; a Retry-After beyond that is a receiver's mistake."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request."""

    kind: Literal["written", "retry", "refused", "unknown protocol"]
    cause: str = ""
    """Status, or the name of the error: few different ones."""
    message: str = ""
    """In words, for a person."""
    written: int | None = None
    """Samples, where the receiver says."""
    retry_after: float = 0.0
    """Seconds."""


class Client:
    """Sends requests to one URL. Not thread-safe."""

    def __init__(self, config: RemoteWriteConfig) -> None:
        self._config = config
        parts = urlsplit(config.url)
        self._https = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: http.client.HTTPConnection | None = None
        self._agent = f"container-agent/{version('container-agent')}"

    def send(self, body: bytes, protocol: Protocol) -> Outcome:
        """Send one compressed request."""
        try:
            headers = self._headers(protocol)
        except OSError as error:
            return Outcome("retry", "credentials", str(error))
        kept = self._connection is not None
        try:
            return self._exchange(body, headers, protocol)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # A kept connection that was closed meanwhile says nothing about the receiver.
            if not kept or isinstance(error, TimeoutError):
                return _failed(error)
        try:
            return self._exchange(body, headers, protocol)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return _failed(error)

    def close(self) -> None:
        """Close the connection; the next request opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, body: bytes, headers: Mapping[str, str], protocol: Protocol) -> Outcome:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", self._target, body, dict(headers))
        response = self._connection.getresponse()
        text = response.read(_MOST_OF_ANSWER)
        if response.read(1):
            self.close()  # a long answer: its rest is not worth reading
        return judge(response.status, response.headers, text, protocol)

    def _connect(self) -> http.client.HTTPConnection:
        config = self._config
        if not self._https:
            return http.client.HTTPConnection(self._host, self._port, timeout=config.timeout)
        context = ssl.create_default_context(cafile=config.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if config.cert_file:
            context.load_cert_chain(config.cert_file, config.key_file)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=config.timeout, context=context
        )

    def _headers(self, protocol: Protocol) -> dict[str, str]:
        config = self._config
        headers = {
            "Content-Encoding": "snappy",
            "User-Agent": self._agent,
            **_HEADERS[protocol],
        }
        for header in config.headers:
            name, _, value = header.partition(":")
            headers[name] = value.strip()
        if config.bearer_token_file:
            headers["Authorization"] = f"Bearer {_secret(config.bearer_token_file)}"
        elif config.username:
            pair = f"{config.username}:{_secret(config.password_file)}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers


def judge(
    status: int, headers: Mapping[str, str] | http.client.HTTPMessage, text: bytes, sent: Protocol
) -> Outcome:
    """What an answer means."""
    first = text.decode("utf-8", "replace").strip().partition("\n")[0][:200]
    message = f"{status} {first}".rstrip()
    if status == 415 and sent == "2.0":
        return Outcome("unknown protocol", "415", message)
    if 200 <= status < 300:
        written = headers.get(_WRITTEN)
        if sent == "2.0" and written is None:
            return Outcome("unknown protocol", f"{status}", f"{status} without {_WRITTEN}")
        count = int(written) if written is not None and written.isdecimal() else None
        return Outcome("written", f"{status}", message, count)
    if status == 429 or status >= 500:
        after = retry_after(headers.get("Retry-After", ""), time.time())
        return Outcome("retry", f"{status}", message, retry_after=after)
    return Outcome("refused", f"{status}", message)


def retry_after(value: str, now: float) -> float:
    """Seconds a Retry-After header asks to wait: it has them, or a date; 0 for neither."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), _LONGEST_WAIT)
    try:
        date = email.utils.parsedate_to_datetime(value)
        return min(max(0.0, date.timestamp() - now), _LONGEST_WAIT)
    except (ValueError, OverflowError):
        return 0.0


def _failed(error: Exception) -> Outcome:
    cause = "timeout" if isinstance(error, TimeoutError) else "connection"
    if isinstance(error, ssl.SSLError):
        cause = "tls"
    return Outcome("retry", cause, f"{type(error).__name__}: {error}")


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()
