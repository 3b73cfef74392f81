"""What is kept of a container's files when the worker stops, and what is lost then."""

from __future__ import annotations

from collections.abc import Mapping

from agent.container.container import Container
from agent.logs.ledger import Ledger
from agent.logs.rotation import Rotation
from agent.logs.spool import Origin, Spool
from agent.logs.tail import TailedFile


def keep(
    rotation: Rotation,
    ledger: Ledger,
    spool: Spool,
    log_format: str,
    fields: Mapping[str, str],
    container: Container | None,
    now: float,
) -> bool:
    """Keep what is deleted and not acknowledged for the next start: in its copy on disk, or in the
    spool. What finds no place there is lost in `close`; return False then."""
    kept = True
    _notice_truncations(rotation, ledger, now)
    count_dying(rotation, ledger)
    if any(file.unlinked() for file in rotation.files):
        for file in rotation.files:
            file.see_head()
        rotation.look(now, force=True)  # it may have been compressed a moment ago
    files = [file for file in rotation.files if not file.mark.spooled]
    while files and (files[-1].acknowledged() or not _only_here(rotation, files[-1])):
        files.pop()
    # What is older goes with it, also where it is still on disk: the spool is read first.
    for file in files:
        mark = file.mark
        end = file.offset + max(0, file.unread())
        if file.acknowledged():
            continue
        file.see_head()
        origin = Origin(
            rotation.path, log_format, mark.inode, mark.head, mark.acknowledged, dict(fields),
            container.labels if container is not None else {},
            container.log_annotations if container is not None else {},
        )  # fmt: skip
        try:
            spool.save(origin, end - mark.acknowledged, file.contents(mark.acknowledged))
        except OSError as error:
            ledger.faults.report(
                "error", "spool", "A deleted log file cannot be kept for the next start.",
                path=rotation.path, bytes=end - mark.acknowledged, error=error,
            )  # fmt: skip
            kept = False
        else:
            rotation.hand_over(file, end)
    return kept


def close(rotation: Rotation, ledger: Ledger) -> None:
    """Close every file. What is deleted and not acknowledged is lost, and counted."""
    for file in list(rotation.files):
        if file.unlinked() and file.mark.acknowledged < file.offset + max(0, file.unread()):
            ledger.lose(
                "unlinked",
                "A deleted log file is closed before its end.",
                lost_bytes=rotation.abandon(file),
            )
        file.close()
    rotation.files.clear()
    count_dying(rotation, ledger)


def count_dying(rotation: Rotation, ledger: Ledger) -> None:
    """Count what was read of truncated files and will not be delivered any more."""
    for mark in rotation.dying:
        if mark.acknowledged < mark.processed:
            ledger.lose(
                "truncated",
                "A log file was truncated, and not all that was read of it is delivered.",
                lost_bytes=mark.processed - mark.acknowledged,
            )
    rotation.dying.clear()


def _notice_truncations(rotation: Rotation, ledger: Ledger, now: float) -> None:
    """What is in a copy is in its place there; what is in none is lost, and perhaps more of which
    nobody knows."""
    for file in list(rotation.files):
        size, mark = file.size, file.mark
        if not mark.spooled and not file.same() and not rotation.begin_anew(file, now):
            rotation.dying.remove(mark)
            ledger.lose(
                "truncated",
                "A log file was truncated before a stop.",
                lost_bytes=max(0, size - mark.acknowledged),
            )


def _only_here(rotation: Rotation, file: TailedFile) -> bool:
    return file.unlinked() and not rotation.switch(file)
