"""One file of Snapshots, events and notes to hand on: one segment (`segment.py`), redacted."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from agent.diagnosis.note import Note
from agent.history.redact import Redaction
from agent.history.segment import SegmentWriter
from agent.lifecycle.events import Event
from agent.model import Snapshot


def save(
    path: str,
    snapshots: Sequence[Snapshot],
    events: Sequence[Event | Note],
    *,
    kept_labels: Collection[str] = (),
) -> int:
    """
    Write the file as a whole or not at all; return its size.

    There is at least one Snapshot, in rising order. kept_labels: patterns, see `Redaction`. Raises
    OSError.
    """
    unfinished = f"{path}.part"
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            for piece in pieces(snapshots, events, Redaction(kept_labels)):
                file.write(piece)
            size = file.tell()
        Path(unfinished).replace(path)
    except BaseException as error:  # whatever ends it: half a file does not stay; raised on
        Path(unfinished).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            raise OSError(error.errno, error.strerror, path) from error  # write() names no file
        raise
    return size


def pieces(
    snapshots: Sequence[Snapshot], events: Sequence[Event | Note], redaction: Redaction
) -> Iterator[bytes]:
    """The bytes of the file. There is at least one Snapshot."""
    writer = SegmentWriter()
    first, *rest = snapshots
    yield writer.begin(first.wall_time)
    yield writer.snapshot(redaction.redacted(first))
    left = sorted(events, key=lambda event: event.at)
    for snapshot in rest:
        while left and left[0].at <= snapshot.wall_time:
            yield writer.event(redaction.redacted(left.pop(0)))
        yield writer.snapshot(redaction.redacted(snapshot))
    for event in left:
        yield writer.event(redaction.redacted(event))
