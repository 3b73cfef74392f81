"""What Podman's database says of a container's last end.

ctr/<id>/state of bolt_state.db, ContainerState(ID, JSON) of db.sql:

    {"state":5,"startedTime":"2026-…Z","finishedTime":"2026-…Z","exitCode":137,"exited":true,
     "oomKilled":true,…}                                        Go leaves out a zero and a false.

Podman writes it when it cleans up, some tenths of a second after the end, and removes it with the
container (--rm).
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

from agent.container.bolt import Bucket, look
from agent.container.podman_database import SQLITE_NAMES, consistent_copy, opened
from agent.container.statefile import Json, UnreadableState, as_object, parse_json

_STATE: Final = "SELECT CAST(JSON AS TEXT) FROM ContainerState WHERE ID = ?"


def read_state(graph: str, id_: str) -> Json | None:
    """
    The state of one container below a graph root; None where neither database has it.

    Raises `Denied`, `UnreadableState`, OSError.
    """
    for name in SQLITE_NAMES:
        path = f"{graph}/{name}"
        data = consistent_copy(path)
        if data is not None and (state := parse_sqlite_state(data, id_, path)) is not None:
            return state
    path = f"{graph}/libpod/bolt_state.db"
    found = look(path, lambda top: _bolt_state(top.bucket(b"ctr", id_.encode())))
    return None if not found else as_object(parse_json(found, path), path)


def parse_sqlite_state(data: bytes, id_: str, path: str) -> Json | None:
    """The same from the bytes of a db.sql. `path` is for the message."""
    import sqlite3

    try:
        with closing(opened(data, path)) as database:
            row = database.execute(_STATE, (id_,)).fetchone()
    except (sqlite3.Error, MemoryError) as error:
        raise UnreadableState(path, f"not Podman's database: {error}") from None
    return None if row is None else as_object(parse_json(str(row[0]).encode(), path), path)


def _bolt_state(container: Bucket | None) -> bytes | None:
    return container.get(b"state") if container is not None else None
