"""Fuzz target of the journal's fields and cursors: anybody may write most of them."""

from __future__ import annotations

from agent.logs.entry import STREAMS
from agent.logs.journal.fields import entry_of, owner_of, sequence_of
from agent.logs.partial import Joiner
from exporters.fluentd.forward import ForwardEncoder

_NAMES = (
    "CONTAINER_ID_FULL", "CONTAINER_NAME", "IMAGE_NAME", "MESSAGE", "PRIORITY", "SYSLOG_TIMESTAMP",
    "SYSLOG_IDENTIFIER", "CONTAINER_PARTIAL_MESSAGE", "PODMAN_EVENT", "_COMM", "_UID",
    "_SYSTEMD_UNIT", "_SOURCE_REALTIME_TIMESTAMP",
)  # fmt: skip
_FORWARD = ForwardEncoder({})


def journal(data: bytes) -> None:
    """`data` as NAME=VALUE, one after another with a 0 between, and as a cursor."""
    fields: dict[str, bytes] = {}
    for item in data.split(b"\0"):
        name, equals, value = item.partition(b"=")
        if equals and name.decode("latin-1") in _NAMES:
            fields[name.decode("latin-1")] = value
    owner = owner_of(fields.get, ("*",))
    if owner is not None:
        owner.key.encode()
        owner.container.name.encode()
    entry = Joiner().valid(entry_of(fields.get, 1_795_490_176_105_173))
    entry[2].decode()
    if entry[1] not in STREAMS:
        raise AssertionError("a stream that there is not")
    _FORWARD.encode([entry])
    sequence = sequence_of(data.decode("latin-1"))
    if sequence is not None and not 0 <= sequence.number < 1 << 64:
        raise AssertionError("a number that no journal counts to")
