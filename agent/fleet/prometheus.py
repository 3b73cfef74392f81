"""Asks a Prometheus (or Thanos, Mimir, VictoriaMetrics: the same API) for instant vectors.

    prometheus = Prometheus("https://prometheus.example:9090", access)
    prometheus.query('container_threads{namespace="shop"}', at=1760000000.0)

Docs     https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import orjson

from agent.fleet.access import Access

_TIMEOUT: Final = 30.0
_QUOTED: Final = 300
"""Bytes of an answer that is no JSON, in an error."""


class Series(NamedTuple):
    """One series at one moment."""

    labels: Mapping[str, str]
    """With `__name__`, where the expression leaves it."""
    value: float


class CannotAsk(Exception):
    """The server did not answer as one should. Says which server, what it said, what to do."""


class Prometheus:
    """One server."""

    def __init__(self, url: str, access: Access | None = None) -> None:
        """Raise ValueError for what is no URL of a server, or has a password in it."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r}: must be http://HOST:PORT or https://HOST:PORT")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "a password in the URL can be read by everybody (ps): use --http-config FILE"
            )
        self.url = url.rstrip("/")
        self._access = access or Access()
        # No redirects to anywhere else: the credentials would go along.
        self._open = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=self._access.context())
        ).open

    def query(self, expression: str, at: float) -> list[Series]:
        """The vector of `expression` at a moment in Unix seconds. Raises CannotAsk."""
        body = urlencode({"query": expression, "time": f"{at:.3f}"}).encode()
        request = urllib.request.Request(  # noqa: S310 http and https alone: see __init__
            f"{self.url}/api/v1/query", body, self._access.headers(), method="POST"
        )
        try:
            with self._open(request, timeout=_TIMEOUT) as answer:
                return _vector(answer.read())
        except urllib.error.HTTPError as error:
            raise CannotAsk(f"{self.url}: {_refusal(error.code, error.read(65536))}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise CannotAsk(f"{self.url}: {reason}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _vector(body: bytes) -> list[Series]:
    """Raise ValueError where it is something else."""
    try:
        answer = orjson.loads(body)
        data = answer["data"]
        if data["resultType"] != "vector":
            raise ValueError(f"answered a {data['resultType']}, not a vector")
        return [Series(row["metric"], float(row["value"][1])) for row in data["result"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        quoted = body[:_QUOTED].decode(errors="replace")
        raise ValueError(f"is no Prometheus: it answered {quoted!r}") from None


def _refusal(status: int, body: bytes) -> str:
    if status in (401, 403):
        return f"answers {status}: give credentials with --http-config FILE"
    if status in (301, 302, 303, 307, 308):
        return f"answers {status}: it is elsewhere; give the URL it redirects to"
    try:
        said = str(orjson.loads(body)["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        said = body[:_QUOTED].decode(errors="replace").strip()
    return f"answers {status}: {said}"


def matchers(labels: Mapping[str, str | Sequence[str]]) -> str:
    """Label matchers without braces: a text must be equal, of several texts one must."""
    parts = []
    for label, value in labels.items():
        if isinstance(value, str):
            parts.append(f"{label}={_quoted(value)}")
        else:
            parts.append(f"{label}=~{_quoted('|'.join(_literal(text) for text in value))}")
    return ",".join(parts)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _literal(text: str) -> str:
    """For RE2, in which every punctuation may be escaped."""
    return "".join(f"\\{sign}" if sign in r".+*?()|[]{}^$\\" else sign for sign in text)
