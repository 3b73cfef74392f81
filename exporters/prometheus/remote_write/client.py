"""One remote write receiver over HTTP: a request, its answer, and what that means.

    2xx                  written; with X-Prometheus-Remote-Write-Samples-Written it knows 2.0
    415, or 2xx without that header, to a 2.0 request     it does not: say it in 1.0
    429, 5xx, no answer  try again, not before Retry-After
    any other            refused, and would be again

One kept connection of exporters/http.py.
"""

from __future__ import annotations

import ssl
import time
from typing import Final, Literal

from agent.config import RemoteWriteConfig
from agent.faults import told
from agent.records import dataclass
from exporters.http import Answer, Connection, Failure, authorization, retry_after

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
        self._connection = Connection(config.url, config)

    def send(self, body: bytes, protocol: Protocol) -> Outcome:
        """Send one compressed request."""
        try:
            headers = self._headers(protocol)
        except OSError as error:
            return Outcome("retry", "credentials", told(error))
        try:
            answer = self._connection.post(body, headers, _MOST_OF_ANSWER)
        except Failure as error:
            return _failed(error)
        return judge(answer, protocol)

    def close(self) -> None:
        """Close the connection; the next request opens one."""
        self._connection.close()

    def _headers(self, protocol: Protocol) -> dict[str, str]:
        return {
            "Content-Encoding": "snappy",
            **_HEADERS[protocol],
            **authorization(self._config),
        }


def judge(answer: Answer, sent: Protocol) -> Outcome:
    """What an answer means."""
    status, headers, message = answer.status, answer.headers, answer.in_words
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


def _failed(error: Exception) -> Outcome:
    cause = "timeout" if isinstance(error, TimeoutError) else "connection"
    if isinstance(error, ssl.SSLError):
        cause = "tls"
    return Outcome("retry", cause, f"{type(error).__name__}: {error}")
