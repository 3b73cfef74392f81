"""Entries to OTLP's log records, in JSON, and what its answer says. Pure.

Spec    https://opentelemetry.io/docs/specs/otlp/#otlphttp
Names   https://opentelemetry.io/docs/specs/semconv/resource/

    {"resourceLogs":[{"resource":{"attributes":[{"key":"container.id","value":{"stringValue":…}}]},
      "scopeLogs":[{"scope":{"name":"container-agent"},"logRecords":[{"timeUnixNano":"179…",
        "body":{"stringValue":"GET / 200"},"attributes":[{"key":"log.iostream",…}]}]}]}]}

An encoder makes items of the outer list, each with a comma after it; `export_body` puts the rest
around. JSON's 64-bit integers are text. An attribute's value is stringValue, boolValue, intValue,
doubleValue, arrayValue or kvlistValue; one without any is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import orjson

from agent.logs.chunk import Entry, Extra
from agent.logs.entry import Value

_RESOURCE: Final = {
    "container_id": "container.id",
    "image": "container.image.name",
    "namespace": "k8s.namespace.name",
    "pod": "k8s.pod.name",
    "pod_uid": "k8s.pod.uid",
    "runtime": "container.runtime",
    "host": "host.name",
}
_SEVERITY: Final = {
    "trace": (1, "TRACE"),
    "debug": (5, "DEBUG"),
    "info": (9, "INFO"),
    "warning": (13, "WARN"),
    "error": (17, "ERROR"),
    "fatal": (21, "FATAL"),
}
_MOST: Final = 2**63 - 1


class NotAnExportAnswer(ValueError):
    """The body is not what an export is answered with."""


class RecordEncoder:
    """Entries of one container: one resource."""

    def __init__(self, fields: Mapping[str, str], host: str) -> None:
        named = {"host.name": host}
        for key, value in fields.items():
            if key == "container_name":
                named["k8s.container.name" if "pod" in fields else "container.name"] = value
            else:
                named[_RESOURCE.get(key, key)] = value
        self._head = (
            b'{"resource":{"attributes":'
            + orjson.dumps([_attribute(key, value) for key, value in named.items()])
            + b'},"scopeLogs":[{"scope":{"name":"container-agent"},"logRecords":['
        )
        self._tails = {
            stream: _attributes({"log.iostream": stream} if stream else {})
            for stream in ("stdout", "stderr", "")
        }

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode entries as one item."""
        if not entries:
            return b""
        records = []
        for time_ns, stream, content, extra, _partial in entries:
            tail = self._tails[stream] if extra is None else _with(stream, extra)
            records.append(
                b'{"timeUnixNano":"%d","body":{"stringValue":%b}%b}'
                % (time_ns, orjson.dumps(content.decode()), tail)
            )
        return self._head + b",".join(records) + b"]}]},"


def _with(stream: str, extra: Extra) -> bytes:
    pairs: dict[str, Value] = {"log.iostream": stream} if stream else {}
    for key, value in extra.items():
        if isinstance(value, dict):
            pairs.update((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            pairs[key] = value
    level = extra.get("level")
    severity = _SEVERITY.get(level) if isinstance(level, str) else None
    if severity is None:
        return _attributes(pairs)
    return b',"severityNumber":%d,"severityText":"%b"%b' % (
        severity[0],
        severity[1].encode(),
        _attributes(pairs),
    )


def _attributes(pairs: Mapping[str, Value]) -> bytes:
    if not pairs:
        return b""
    return b',"attributes":' + orjson.dumps([_attribute(*pair) for pair in pairs.items()])


def _attribute(key: str, value: Value) -> dict[str, object]:
    return {"key": key, "value": _any(value)}


def _any(value: Value) -> dict[str, object]:
    """The message AnyValue."""
    if isinstance(value, str):
        return {"stringValue": value}
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if value <= _MOST else {"doubleValue": float(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(inner) for inner in value]}}
    return {"kvlistValue": {"values": [_attribute(*pair) for pair in value.items()]}}


def export_body(payload: bytes) -> bytes:
    """A whole request."""
    return b'{"resourceLogs":[%b]}' % payload.removesuffix(b",")


def rejected(body: bytes) -> tuple[int, str]:
    """
    How many records a 200 refuses, and why.

    Raise NotAnExportAnswer for what is no answer. An empty body is one.
    """
    if not body.strip():
        return 0, ""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotAnExportAnswer(f"not JSON: {error}") from None
    if not isinstance(answer, dict):
        raise NotAnExportAnswer(f"no export answer: {body[:100]!r}")
    partial = answer.get("partialSuccess") or {}
    if not isinstance(partial, dict):
        raise NotAnExportAnswer(f"no partialSuccess: {partial!r}"[:200])
    try:
        count = int(partial.get("rejectedLogRecords") or 0)
    except (TypeError, ValueError):
        raise NotAnExportAnswer(f"no partialSuccess: {partial!r}"[:200]) from None
    return max(0, count), str(partial.get("errorMessage") or "")[:500]


def items(payload: bytes) -> Iterator[bytes]:
    """Cut a payload into its items, each with its comma."""
    # No text can hold this: a quote in it would be escaped.
    pieces = payload.split(b']}]},{"resource":{')
    for number, piece in enumerate(pieces):
        head = b'{"resource":{' if number else b""
        yield head + piece + (b"]}]}," if number < len(pieces) - 1 else b"")
