"""[logs] Which logs are shipped, where to, and what is kept meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.file_destination import FileDestination
from agent.records import dataclass, field

if TYPE_CHECKING:
    from agent.log_destinations import Destination
    from agent.log_rules import LogRule


@dataclass(frozen=True, slots=True)
class LogFiles:
    """[[logs.files]] Plain files that programs write beside their output, one line a record."""

    path: str = ""
    """Glob pattern on the host."""
    name: str = ""
    """Their records' container_name; "": the file's own name."""
    fields: tuple[str, ...] = ()
    """More fields of their records, as KEY=VALUE."""

    def __post_init__(self) -> None:
        if self.path and not self.path.startswith("/"):
            raise ValueError(f"path = {self.path!r}: must be an absolute path or pattern")
        for pair in self.fields:
            if not pair.partition("=")[1] or pair.startswith("="):
                raise ValueError(f"fields has {pair!r}: write KEY=VALUE")


@dataclass(frozen=True, slots=True)
class JournaldConfig:
    """[logs.journald] systemd's journal: containers whose runtime logs there, and units."""

    enabled: bool = True
    """Read containers' entries. A host without a journal needs nothing, and loses nothing."""
    directory: str = ""
    """Directory of the journal's files on the host; "": /var/log/journal or /run/log/journal."""
    units: tuple[str, ...] = ()
    """Names or patterns of systemd units to read as well ("nginx.service", "*.service"). None by
    default: a host's own services are not containers."""

    def __post_init__(self) -> None:
        if self.directory and not self.directory.startswith("/"):
            raise ValueError(f"directory = {self.directory!r}: must be an absolute path")


@dataclass(frozen=True, slots=True)
class LogsConfig:
    """[logs]"""

    enabled: bool = True
    state: str = "/var/lib/container-agent"
    """Directory of the checkpoints, one file per destination."""
    from_start: bool = True
    """Read a file without a checkpoint from its start; False: only what comes from now on."""
    held_bytes: int = 2 * 1024 * 1024 * 1024
    """Bytes of deleted files kept open until they are read. The disk is the host's: over it the
    largest is given up, and counted as lost."""
    spool_bytes: int = 256 * 1024 * 1024
    """Bytes of such files kept over a restart of the agent, in `state`."""
    files: tuple[LogFiles, ...] = ()
    """Plain files to read beside the containers' own logs."""
    journald: JournaldConfig = field(default_factory=JournaldConfig)
    destination: tuple[Destination, ...] = (FileDestination(),)
    processing: tuple[LogRule, ...] = ()
    """[[logs.processing]] What is done with the lines of which containers: nothing by itself."""
    container_rules: bool = True
    """Let containers ask for processing by their labels and their pods' annotations
    (docs/logs-processing.md). They cannot loosen a rate, a length or the redaction of a rule."""
    labels: tuple[str, ...] = ()
    """Container labels that each record carries, as label_NAME."""
    host: str = ""
    """The host's name in each record; "auto" asks the host, "" leaves it out: it is in every
    record, and most destinations know who sent it."""

    def __post_init__(self) -> None:
        for name in ("held_bytes", "spool_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must be at least 0")
        if not all(files.path for files in self.files):
            raise ValueError("files: each needs a path")
        names = [destination.name for destination in self.destination]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"destination {twice[0]} is there twice: each has one log worker")
        files = [path for path in map(_file_of, self.destination) if path]
        if len(set(files)) < len(files):
            raise ValueError("destination: two write to the same file; set dead_letters")


def _file_of(destination: Destination) -> str:
    """The file a destination writes to, if any."""
    if destination.type == "file":
        return destination.path
    return destination.dead_letters if destination.type == "elasticsearch" else ""
