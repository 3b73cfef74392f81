"""The noun between a log format and a destination: one log entry, and whose it is.

An entry is a plain tuple, because there may be hundreds of thousands a second:

    (1700000000123456789, "stdout", b"GET / 200", None, False)
     time, ns since 1970   stream    content      extra  partial

- stream   "stdout", "stderr", or "" for a line that did not parse (its stream is not known).
- content  the program's own line: valid UTF-8 for a destination, any bytes for a printer;
           without the newline the runtime keeps or adds.
- extra    more record fields of this one entry, or None (nearly always):
           "note"   why the content is not the plain line: UNPARSED, CUT or SPLIT
           "offset" where its line begins in its file, for destinations that ask (chunk.py)
           "attrs"  the labels and environment the operator told Docker to write with each line
           and what rules find in the line (processing/): values of any type that JSON has
- partial  a piece: more of the same line follows in the same stream. Never reaches a destination.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from agent.container.container import Container

Value: TypeAlias = "str | int | float | list[Value] | dict[str, Value] | None"
"""What a JSON document can hold (a bool is an int); integers fit into 64 bits, signed or not."""
Extra = dict[str, Value]
Entry = tuple[int, str, bytes, Extra | None, bool]

STREAMS: Final = ("stdout", "stderr")

UNPARSED: Final = "unparsed"
"""Not in the file's format: the raw line, with the time it was read."""
CUT: Final = "cut"
"""The line was over the limit: its first part; the rest is counted as lost."""
SPLIT: Final = "split"
"""A joined line reached the limit: the next record of the stream continues it."""


def clean(line: bytes) -> bytes:
    """Make `line` valid UTF-8: each byte that is not becomes U+FFFD."""
    return line.decode("utf-8", "replace").encode()


def with_note(entry: Entry, note: str) -> Entry:
    """The same entry, with a note on it."""
    time_ns, stream, content, extra, partial = entry
    return time_ns, stream, content, {**(extra or {}), "note": note}, partial


def record_fields(container: Container) -> dict[str, str]:
    """
    Build the constant fields of every record of `container`.

    What is not known is left out, never "". `container_name` is the Kubernetes container's name
    where there is one: what an operator searches for.
    """
    fields = {
        "container_name": container.container or container.name,
        "container_id": container.id,
        "image": container.image,
        "namespace": container.namespace,
        "pod": container.pod,
        "pod_uid": container.pod_uid,
        "runtime": container.runtime,
    }
    return {
        key: clean(value.encode("utf-8", "surrogateescape")).decode()
        for key, value in fields.items()
        if value
    }
