"""Podman's database: labels, pod, log driver, log path and restarts of its containers.

<graph root>/libpod/bolt_state.db   Podman up to 4: buckets ctr/<id> and pod/<id>, key config (JSON)
<graph root>/db.sql                 Podman 5 (and 4.8 on demand), SQLite; below libpod where
                                    static_dir says so:
    ContainerConfig(ID, Name, PodID, JSON)  {"name":"front","labels":{"app":"front"},"pod":"045f…",
        "logDriver":"k8s-file","logPath":"/var/lib/…/ctr.log","rootfsImageName":"localhost/x:1",…}
    ContainerState(ID, JSON)                {"restartCount":3,…}: by its restart policy, since the
                                            last start that somebody asked for; no zero is written
    PodConfig(ID, Name, JSON)               PodState(ID, InfraContainerID, JSON)

Promise: Podman is not disturbed. SQLite's own reader would take a lock that Podman waits for, and
would follow links and open pipes an ordinary user put there; so the file is read like any other and
given to SQLite as bytes in memory. Podman writes with a rollback journal: a commit first makes
db.sql-journal, and changes the counter in the header. A copy between whose start and end neither is
seen is one consistent state (https://www.sqlite.org/fileformat2.html#file_change_counter).

Cost, when a container has changed since the last question: 3 ms with 50, 35 ms with 1000.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

from agent.container.bolt import Bucket, look
from agent.container.declared import Declared, of_podman
from agent.container.statefile import (
    Json,
    Signature,
    UnreadableState,
    as_object,
    number,
    open_regular,
    parse_json,
    signature,
    text,
    texts,
)
from agent.records import NamedTuple

if TYPE_CHECKING:
    import sqlite3

MAX_SQLITE: Final = 64 * 1024 * 1024
"""Bytes: some 4000 containers."""
_TRIES: Final = 5
_COUNTER: Final = slice(24, 28)
"""The file change counter in the header."""
_VERSIONS: Final = slice(18, 20)
"""2 2 for a database with a write-ahead log, which Podman's is not."""
SQLITE_NAMES: Final = ("db.sql", "libpod/db.sql")
"""Places below a graph root."""
_HEADER: Final = b"SQLite format 3\0"
# SQLite picks the keys: a whole configuration is 11 KB, and as Python objects ten times that.
# Podman writes JSON as bytes, which SQLite's functions refuse.
_CONTAINERS: Final = """
    SELECT c.ID, p.Name,
        coalesce(s.InfraContainerID, json_extract(CAST(s.JSON AS TEXT), '$.InfraContainerID')),
        json_extract(CAST(c.JSON AS TEXT),
            '$.name', '$.labels', '$.logDriver', '$.logPath', '$.pod', '$.rootfsImageName',
            '$.newPortMappings', '$.portMappings', '$.restart_policy', '$.restart_retries',
            '$.healthcheck', '$.healthLogDestination'),
        json_extract(CAST(i.JSON AS TEXT), '$.newPortMappings', '$.portMappings'),
        iif(t.ID IS NULL, NULL, coalesce(json_extract(CAST(t.JSON AS TEXT), '$.restartCount'), 0))
    FROM ContainerConfig c
    LEFT JOIN ContainerState t ON t.ID = c.ID
    LEFT JOIN PodConfig p ON p.ID = c.PodID
    LEFT JOIN PodState s ON s.ID = c.PodID
    LEFT JOIN ContainerConfig i ON i.ID = coalesce(s.InfraContainerID,
        json_extract(CAST(s.JSON AS TEXT), '$.InfraContainerID'))
"""
_PORT_KEYS: Final = ("newPortMappings", "portMappings")
_KEYS: Final = (
    *("name", "labels", "logDriver", "logPath", "pod", "rootfsImageName"),
    *(*_PORT_KEYS, "restart_policy", "restart_retries", "healthcheck"),
    "healthLogDestination",
)
"""Of the configuration, in the order of that query."""


class Recorded(NamedTuple):
    """One container in the database. Text that is not there is ""."""

    name: str = ""
    image: str = ""
    labels: Mapping[str, str] = {}
    log_driver: str = ""
    log_path: str = ""
    pod: str = ""
    """Name of its pod."""
    pod_id: str = ""
    is_infra: bool = False
    declared: Declared | None = None
    restarts: int | None = None
    """None: it was never started, or nothing says."""


class Databases:
    """The databases of many graph roots."""

    def __init__(self) -> None:
        self._sqlite: dict[str, tuple[Signature, Mapping[str, Recorded]]] = {}

    def get(self, graph: str, id_: str) -> Recorded | None:
        """
        One container; None where neither database has it.

        Raises `Denied`, `UnreadableState`: also for a database that is being written all the time.
        """
        # A root that was migrated has both.
        for name in SQLITE_NAMES:
            found = self._all_of_sqlite(f"{graph}/{name}").get(id_)
            if found is not None:
                return found
        return read_bolt(f"{graph}/libpod/bolt_state.db", id_)

    def _all_of_sqlite(self, path: str) -> Mapping[str, Recorded]:
        now_is = signature(path)
        if now_is is None:
            self._sqlite.pop(path, None)
            return {}
        known = self._sqlite.get(path)
        if known is None or known[0] != now_is:
            known = (now_is, read_sqlite(path))
            self._sqlite[path] = known
        return known[1]


def read_bolt(path: str, id_: str) -> Recorded | None:
    """One container of Podman 4. Raises `Denied`, `UnreadableState`."""
    return look(path, lambda top: _bolt_record(top, id_.encode(), path))


def _bolt_record(top: Bucket, id_: bytes, path: str) -> Recorded | None:
    container = top.bucket(b"ctr", id_)
    data = container.get(b"config") if container is not None else None
    if not data:
        return None
    config = as_object(parse_json(data, path), path)
    pod_id = text(config, "pod")
    pod = top.bucket(b"pod", pod_id.encode()) if pod_id else None
    infra = text(_bolt_object(pod, b"state", path), "InfraContainerID")
    pod_name = text(_bolt_object(pod, b"config", path), "name")
    with_ports = _bolt_object(
        top.bucket(b"ctr", infra.encode()) if infra else None, b"config", path
    )
    state = _bolt_object(container, b"state", path)
    restarts = (number(state, "restartCount") or 0) if state else None
    is_infra = infra.encode() == id_
    return _record(config, pod_name, with_ports or config, restarts, infra=is_infra)


def _bolt_object(bucket: Bucket | None, key: bytes, path: str) -> Json:
    data = bucket.get(key) if bucket is not None else None
    return as_object(parse_json(data, path), path) if data else {}


def read_sqlite(path: str) -> dict[str, Recorded]:
    """Every container of Podman 5 by id; empty where the file is absent. Raises as `get` does."""
    data = consistent_copy(path)
    return {} if data is None else parse_sqlite(data, path)


def parse_sqlite(data: bytes, path: str) -> dict[str, Recorded]:
    """Turn the bytes of a db.sql into containers by id. `path` is for the message."""
    import sqlite3

    found = {}
    try:
        with closing(opened(data, path)) as database:
            for id_, pod, infra, config, ports, restarts in database.execute(_CONTAINERS):
                record = _sqlite_record(str(id_), pod, infra, config, ports, restarts, path)
                found[str(id_)] = record
    # Python's sqlite3 decodes a damaged schema's name in its error message as strict UTF-8.
    except (sqlite3.Error, MemoryError, UnicodeDecodeError) as error:
        raise UnreadableState(path, f"not Podman's database: {error}") from None
    return found


def opened(data: bytes, path: str) -> sqlite3.Connection:
    """A database in memory from the bytes of a file. Raises `UnreadableState`, sqlite3.Error."""
    if not data.startswith(_HEADER):
        raise UnreadableState(path, "not a SQLite database")
    import sqlite3

    database = sqlite3.connect(":memory:")
    try:
        # SQLite runs what a damaged or hostile schema says unless told not to.
        database.execute("PRAGMA trusted_schema = OFF")
        database.deserialize(_without_wal(data))
    except BaseException:
        database.close()
        raise
    return database


def _sqlite_record(
    id_: str,
    pod: object,
    infra: object,
    config: object,
    ports: object,
    restarts: object,
    path: str,
) -> Recorded:
    found = _picked(_KEYS, config, path)
    with_ports = found if ports is None else _picked(_PORT_KEYS, ports, path)
    of_pod = pod if isinstance(pod, str) else ""
    count = restarts if isinstance(restarts, int) else None
    return _record(found, of_pod, with_ports, count, infra=infra == id_)


def _picked(keys: Sequence[str], values: object, path: str) -> Json:
    """What json_extract made of several keys: an array."""
    found = parse_json(str(values).encode(), path)
    return dict(zip(keys, found, strict=True)) if isinstance(found, list) else {}


def _record(
    config: Json, pod: str, with_ports: Json, restarts: int | None, *, infra: bool
) -> Recorded:
    return Recorded(
        name=text(config, "name"),
        image=text(config, "rootfsImageName"),
        labels=texts(config, "labels"),
        log_driver=text(config, "logDriver"),
        log_path=text(config, "logPath"),
        pod=pod,
        pod_id=text(config, "pod"),
        is_infra=infra,
        declared=of_podman(config, with_ports),
        restarts=restarts,
    )


def _without_wal(data: bytes) -> bytes:
    """SQLite refuses a database with a write-ahead log in memory; without it it is older, whole."""
    if data[_VERSIONS] != b"\2\2":
        return data
    return data[: _VERSIONS.start] + b"\1\1" + data[_VERSIONS.stop :]


def consistent_copy(path: str) -> bytes | None:
    """The bytes of a db.sql; None where it is absent. Raises `Denied`, `UnreadableState`."""
    fd = open_regular(path)
    if fd is None:
        return None
    try:
        for _ in range(_TRIES):
            counter = os.pread(fd, 4, _COUNTER.start)
            if _is_hot(path):
                continue
            size = os.fstat(fd).st_size
            if size > MAX_SQLITE:
                raise UnreadableState(path, f"{size} bytes, more than the {MAX_SQLITE} read")
            data = _read(fd, size)
            if not _is_hot(path) and os.pread(fd, 4, _COUNTER.start) == counter:
                return data
        raise UnreadableState(path, "being written")
    finally:
        os.close(fd)


def _is_hot(path: str) -> bool:
    """Whether a commit is on its way, or was broken off and has to be rolled back."""
    fd = open_regular(f"{path}-journal")
    if fd is None:
        return False
    try:
        # Other journal modes than Podman's leave the file, with nothing or zeros in it.
        return os.pread(fd, 1, 0) not in (b"", b"\0")
    finally:
        os.close(fd)


def _read(fd: int, size: int) -> bytes:
    parts = []
    at = 0
    while at < size and (part := os.pread(fd, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)
