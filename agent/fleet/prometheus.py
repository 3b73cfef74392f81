"""Asks a Prometheus (or Thanos, Mimir, VictoriaMetrics: the same API) for instant vectors.

    prometheus = Prometheus("https://prometheus.example:9090", access)
    prometheus.query('container_threads{namespace="shop"}', at=1760000000.0)

Docs     https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from agent.fleet.access import Access
from agent.fleet.server import CannotAsk, Server, quoted
from agent.records import NamedTuple


class Series(NamedTuple):
    """One series at one moment."""

    labels: Mapping[str, str]
    """With `__name__`, where the expression leaves it."""
    value: float


class Prometheus:
    """One server."""

    def __init__(self, url: str, access: Access | None = None) -> None:
        """Raise ValueError as `Server`."""
        self._server = Server(url, access)
        self.url = self._server.url

    def query(self, expression: str, at: float) -> list[Series]:
        """The vector of `expression` at a moment in Unix seconds. Raises CannotAsk."""
        form = {"query": expression, "time": f"{at:.3f}"}
        body = self._server.post("/api/v1/query", form)
        try:
            return _vector(body)
        except ValueError as error:
            raise CannotAsk(f"{self.url}: {error}") from None


def _vector(body: bytes) -> list[Series]:
    """Raise ValueError where it is something else."""
    try:
        answer = orjson.loads(body)
        data = answer["data"]
        if data["resultType"] != "vector":
            raise ValueError(f"answered a {data['resultType']}, not a vector")
        return [Series(row["metric"], float(row["value"][1])) for row in data["result"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        raise ValueError(f"is no Prometheus: it answered {quoted(body)}") from None


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
