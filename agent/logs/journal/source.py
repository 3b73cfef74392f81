"""Which journal a log worker reads, or why it reads none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from agent.config import HostPaths
from agent.container.container import Container
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk import EntryEncoder
from agent.logs.ending import unknown
from agent.logs.faults import FaultLog
from agent.logs.handover import WorkerInput
from agent.logs.journal.intake import PREFIX, JournalIntake
from agent.logs.journal.library import JournalUnavailable, open_journal
from agent.logs.processing.rules import Rules
from agent.records import dataclass

PLACES: Final = ("/var/log/journal", "/run/log/journal")
"""Where journald keeps its files: on disk, or in memory where the first does not exist."""


class Describes(Protocol):
    """What knows containers by their id: LogSources."""

    def container(self, id_: str, uid: int) -> Container | None:
        """What that user's runtime's files say of it; None where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal's intake, or the reason why there is none."""

    intake: JournalIntake | None
    read: bool | None
    """None: the configuration or the host has no journal."""
    reason: str


def open_intake(
    given: WorkerInput,
    remembered: Iterable[FileRecord],
    make_encoder: Callable[[Mapping[str, str]], EntryEncoder],
    faults: FaultLog,
    rules: Rules,
    containers: Describes,
    alive: Callable[[str], bool | None] = unknown,
) -> Opened:
    """Open the journal the configuration names. What goes wrong is said, and counted as a fault."""
    wanted = given.journald
    if not wanted.enabled:
        return Opened(None, None, "logs.journald.enabled is off")
    directory = journal_directory(given.paths, wanted.directory)
    if directory is None:
        return Opened(None, None, "this host keeps no journal")
    try:
        reader = open_journal(directory)
    except JournalUnavailable as error:
        faults.report(
            "error", "journal", "The journal cannot be read: containers' lines in it are not sent.",
            reason=error,
        )  # fmt: skip
        return Opened(None, False, str(error))
    denied = denied_file(given.paths, wanted.directory)
    if denied:
        faults.report(
            "error", "journal denied", "Files of the journal may not be read: what is in them is "
            "not sent.", path=denied,
        )  # fmt: skip
    earlier = [record for record in remembered if record.path.startswith(PREFIX)]
    intake = JournalIntake(
        reader,
        earlier[0] if earlier else None,
        make_encoder,
        faults,
        rules,
        # A checkpoint without a journal's row is older than the journal's reading.
        from_start=given.from_start,
        units=wanted.units,
        describe=containers.container,
        alive=alive,
    )
    return Opened(intake, not denied, f"{denied} may not be read" if denied else "")


def journal_directory(paths: HostPaths, configured: str) -> str | None:
    """The directory to read; "" lets the library find this host's own; None: there is none."""
    if configured:
        return paths.host(configured)
    there = [place for place in map(paths.host, PLACES) if os.path.isdir(place)]
    if not there:
        return None
    # In a container the host's /var/log may be mounted, under another machine's id than ours.
    machine = _machine_id()
    own = machine and any(os.path.isdir(f"{place}/{machine}") for place in there)
    return "" if paths.root == "/" and own else there[0]


def denied_file(paths: HostPaths, configured: str) -> str:
    """
    A file or directory of the journal that this process may not read; "" where it may read all.

    systemd's library passes over such files without a word: of the system's journal an ordinary
    user would see nothing, and not know why.
    """
    for place in map(paths.host, (configured,) if configured else PLACES):
        for directory, directories, names in os.walk(place):
            for name in (*directories, *(name for name in names if name.endswith(".journal"))):
                path = f"{directory}/{name}"
                if not _may_read(path):
                    return path
        if os.path.isdir(place) and not _may_read(place):
            return place
    return ""


def _may_read(path: str) -> bool:
    # With the capabilities the process has now; os.access alone asks for its real user.
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids) or (
        not os.path.exists(path)  # rotated away meanwhile
    )


def _machine_id() -> str:
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError):
        return ""
