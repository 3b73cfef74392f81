"""Who is in the journal: containers that no runtime's file tells of any more, and units.

journalctl CONTAINER_NAME=web       the newest container of that name
journalctl CONTAINER_ID_FULL=4f…    by the start of its id
journalctl _SYSTEMD_UNIT=nginx…     units by name or pattern
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from agent.container.container import Container, Kind
from agent.logs.journal.fields import Owner, owner_of
from agent.logs.journal.library import Reader

_START_OF_ID = re.compile("[0-9a-f]{1,64}")


def find_containers(reader: Reader, text: str) -> list[Owner]:
    """
    Containers with this name, or whose id begins with it: of those of one name the newest.

    One of an ordinary user's runtime only where root's has none of that name. Raises OSError.
    """
    for more in ({"_UID": "0"}, {}):
        reader.only(CONTAINER_NAME=text, **more)
        if (named := _newest(reader)) is not None:
            return [named]
    if not _START_OF_ID.fullmatch(text):
        return []
    ids = {id_.decode("ascii", "replace") for id_ in reader.values("CONTAINER_ID_FULL")}
    return list(_newest_of(reader, sorted(id_ for id_ in ids if id_.startswith(text))))


def find_units(reader: Reader, text: str) -> list[Container]:
    """Units by their whole name, by it without ".service", or by a pattern. Raises OSError."""
    names = {name.decode("utf-8", "replace") for name in reader.values("_SYSTEMD_UNIT")}
    for pattern in (text, f"{text}.service"):
        if found := sorted(name for name in names if fnmatchcase(name, pattern)):
            return [
                Container(runtime="systemd", id="", kind=Kind.SERVICE, name=name) for name in found
            ]
    return []


def _newest_of(reader: Reader, ids: list[str]) -> Iterator[Owner]:
    for id_ in ids:
        for more in ({"_UID": "0"}, {}):
            reader.only(CONTAINER_ID_FULL=id_, **more)
            if (found := _newest(reader)) is not None:
                yield found
                break


def _newest(reader: Reader) -> Owner | None:
    """Whose the newest entry is that `only` lets through, and that is a container's."""
    there = reader.seek_tail()
    while there:
        if (owner := owner_of(reader.field, ())) is not None:
            return owner
        there = reader.previous()
    return None
