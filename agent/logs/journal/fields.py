"""One journal entry's fields to whose it is and what it says. Pure.

    Docker's journald driver   MESSAGE PRIORITY CONTAINER_ID_FULL CONTAINER_NAME IMAGE_NAME
                               SYSLOG_TIMESTAMP CONTAINER_PARTIAL_MESSAGE (all pieces but the last;
                               a shorter one is the stream's end, see docker_json.py)
    Podman (conmon)            MESSAGE with its newline, PRIORITY CONTAINER_ID_FULL CONTAINER_NAME
                               CONTAINER_PARTIAL_MESSAGE; the writer's _COMM is conmon
    a unit of systemd's        MESSAGE PRIORITY _SYSTEMD_UNIT

Fields beginning with "_" are journald's own: no program can forge them. The others are the
writer's, so an ordinary user's entries are kept apart from those of root's containers (`Owner`).

Both drivers write stdout with priority 6 and stderr with 3. conmon takes another one from a line
that begins with "<N>", as programs write to the kernel's log: up to 3 (errors) it is stderr.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final

from agent.container.container import Container, Kind
from agent.logs import docker_json
from agent.logs.entry import Entry, clean
from agent.logs.timestamps import END, parse_rfc3339
from agent.records import NamedTuple

Field = Callable[[str], bytes | None]
"""A field's value by its name, None where the entry has none: `Reader.field`."""

_ID: Final = re.compile(rb"[0-9a-f]{64}\Z")
_ERROR: Final = 3
_NOBODY: Final = -1
"""The uid of who has none that can be read: not root's, for one."""
_CURSOR: Final = re.compile(r"s=([0-9a-f]{32});i=([0-9a-f]{1,16});")


class Sequence(NamedTuple):
    """An entry's number in its journal: one journald counts without gaps over all its files."""

    id: str
    number: int


class Owner(NamedTuple):
    """Whose an entry is, before anything more is known."""

    key: str
    """The container's id, or the unit's name. Before an ordinary user's container's id the uid: who
    writes another's id is not taken for that."""
    container: Container
    uid: int = 0
    """Whose runtime wrote it: no other's files may be asked about the container."""


def sequence_of(cursor: str) -> Sequence | None:
    """
    Read an entry's number from its cursor; None where the cursor does not say it.

    "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=…": `s` names the series, `i` is the number. That
    systemd may change this is why nothing but the count of losses depends on it.
    """
    match = _CURSOR.match(cursor)
    return None if match is None else Sequence(match[1], int(match[2], 16))


def owner_of(field: Field, units: tuple[str, ...]) -> Owner | None:
    """Say whose an entry is; None where nobody asked for it."""
    id_ = field("CONTAINER_ID_FULL")
    if id_ is not None and _ID.match(id_) and field("PODMAN_EVENT") is None:
        text = id_.decode()
        podman = _is_conmons(field)
        said = field("_UID")
        uid = 0 if said is None else _NOBODY if (number := _number(said)) is None else number
        return Owner(
            text if uid == 0 else f"{uid}/{text}",
            Container(
                runtime="podman" if podman else "docker",
                id=text,
                name=_text(field("CONTAINER_NAME")),
                image=_text(field("IMAGE_NAME")),
            ),
            uid,
        )
    if not units:
        return None
    unit = _text(field("_SYSTEMD_UNIT"))
    if unit and any(fnmatchcase(unit, pattern) for pattern in units):
        return Owner(unit, Container(runtime="systemd", id="", kind=Kind.SERVICE, name=unit))
    return None


def entry_of(field: Field, realtime_us: int) -> Entry:
    """Build the log entry, its content in any bytes as they are: a piece may end within a character
    (partial.py). realtime_us: when journald took it, for an entry without a time."""
    time_ns = parse_rfc3339(field("SYSLOG_TIMESTAMP") or b"")
    if time_ns is None:
        sent = _number(field("_SOURCE_REALTIME_TIMESTAMP"))
        # Neither is sure to be a time that can be said: a file may hold anything.
        time_ns = 1000 * (realtime_us if sent is None or 1000 * sent >= END else sent)
        time_ns = min(time_ns, END - 1)
    priority = _number(field("PRIORITY"))
    stream = "stderr" if priority is not None and priority <= _ERROR else "stdout"
    message = field("MESSAGE") or b""
    partial = field("CONTAINER_PARTIAL_MESSAGE") == b"true"
    conmons = _is_conmons(field)
    if partial and not conmons:
        partial = len(message) >= docker_json.PIECE
    if message.endswith(b"\n") and not partial and conmons:
        message = message[:-1]
    return time_ns, stream, message, None, partial


def _is_conmons(field: Field) -> bool:
    return field("_COMM") == b"conmon" or field("SYSLOG_IDENTIFIER") == b"conmon"


def _number(value: bytes | None) -> int | None:
    """A whole number of at most 16 digits: a time in microseconds fits, no attack does."""
    if value is None or not 0 < len(value) <= 16 or not value.isdigit():
        return None
    return int(value)


def _text(value: bytes | None) -> str:
    return "" if value is None else clean(value).decode()
