"""The files of one cgroup, each opened once and read again every tick.

What `KeptFiles.read` promises:

    the reading says what the files say now; None means the cgroup is gone
    a limit and the like (SETTINGS), a third of the files, is read again about once a minute, and
    each time while the cgroup is young: a runtime sets them after it made the cgroup
    an absent file is looked for again about once a minute: a controller may be turned on later
    a file that may not be read puts its field into `denied`, one that cannot be read or understood
    into `failed`; neither stops the other files
    a file there is no room to keep open, or that repeats itself while it is, is opened and closed
    at each read
    a text that is the same as last time is not parsed again, and a cgroup whose texts are all the
    same gets the same reading again

ENODEV from an open file has two causes, the cgroup was removed or its controller was turned off;
the directory tells which.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from agent.cgroupfs.reading import CgroupReading
from agent.cgroupfs.v2 import SETTINGS, Row
from agent.faults import told
from agent.kernelfile import (
    ABSENT,
    DENIED,
    Denied,
    UnexpectedText,
    open_directory,
    open_kept,
    read_bytes,
)
from agent.records import NamedTuple

LOOK_AGAIN: Final = 60.0
"""Seconds after which an absent, denied or not kept file is tried again, and settings are read."""
YOUNG: Final = 15.0
"""Seconds after the first read of a cgroup in which its settings are read each time."""
_READ_SIZE: Final = 16384
_SHORT: Final = 448
"""A text that was shorter than this is read into a buffer of this size. Python's own allocator has
it (to 512 bytes with its head): a large one that shrinks to a few bytes stays where it was, one of
thousands between whatever else the C library handed out."""
_WHOLE: Final = 4032
"""A text shorter than this is whole after one read. Most files are one record, which a read returns
whole if it fits; of many records, as in cgroup.procs, it returns what fits a page of 4 KiB."""
_MOST_OPEN: Final = 16384
"""A kept file holds a page of kernel memory for its text, 5.4 KB with all measured (Linux 6.18):
this many are 88 MB on top of our own, for some 600 cgroups."""
_TOO_MANY: Final = frozenset({errno.EMFILE, errno.ENFILE})

Failed = tuple[tuple[str, str], ...]
Assemble = Callable[[list[Any], tuple[str, ...], Failed], CgroupReading]
"""(a value for each slot, denied, failed) → the reading."""


class OpenFiles:
    """How many more files may be kept open, by all cgroups together."""

    def __init__(self, left: int) -> None:
        self.left = left
        self._for_settings = left // 2
        self.exhausted = False
        """The process ran into its limit: somebody must close files before more can be read."""

    def room(self, field: str) -> bool:
        """Whether a file of this field may be kept; one of SETTINGS while there is plenty."""
        return self.left > (self._for_settings if field in SETTINGS else 0)

    @classmethod
    def allowed(cls) -> OpenFiles:
        """
        Raise this process' soft limit of open files to the hard one, and take up to seven eighths.

        The last eighth is for sockets and whatever else the process opens; log workers are
        processes of their own.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            # The hard limit is above fs.nr_open, which was lowered since: stay where we are.
            hard = soft
        return cls(min(hard * 7 // 8, _MOST_OPEN))


class Place(NamedTuple):
    """One file to read: where it is, and which slot its value goes to."""

    slot: int
    row: Row
    directory: str


class _File(NamedTuple):
    place: Place
    name: str

    @property
    def path(self) -> str:
        """Made when it is asked for: there are thousands of files, and few faults."""
        return f"{self.place.directory}/{self.name}"


class _Open:
    """Files that are kept open, and what they said: three lists in step, for a loop over them."""

    __slots__ = ("fds", "files", "texts")

    def __init__(self) -> None:
        self.fds: list[int] = []
        self.texts: list[bytes | None] = []
        self.files: list[_File] = []

    def add(self, fd: int, file: _File) -> None:
        self.fds.append(fd)
        self.texts.append(None)
        self.files.append(file)


class KeptFiles:
    """One cgroup's files. Not thread-safe."""

    def __init__(
        self,
        directory: str,
        inode: int,
        places: Iterable[Place],
        slots: int,
        assemble: Assemble,
        open_files: OpenFiles,
    ) -> None:
        """
        Open nothing yet.

        The cgroup is gone once `directory` is not `inode` any more. `slots` is how many values
        `assemble` wants; a slot without a place stays None.
        """
        self._directory = directory
        self._inode = inode
        self._assemble = assemble
        self._open_files = open_files
        self._counters = _Open()
        self._settings = _Open()
        self._young_until: float | None = None
        # Files that are opened and closed at each read, and what they said.
        self._loose: list[_File] = []
        self._loose_texts: list[bytes | None] = []
        self._missing = list(places)
        self._values: list[Any] = [None] * slots
        self._denied: set[Place] = set()
        self._failed: dict[Place, str] = {}
        # Slots whose values are handed in: all of them, the places of those, and what is there.
        self._supplied: Mapping[int, object] = {}
        self._answered: list[Place] = []
        self._present: list[int] = []
        self._reading: CgroupReading | None = None
        self._look_at = 0.0

    def supply(self, values: Mapping[int, object]) -> None:
        """
        Read no file for these slots: take `values` at the next read, as long as the file is there.

        Holds until called again with others; {} has every file read.
        """
        if values is self._supplied:
            return
        if values.keys() != self._supplied.keys():
            self._divide(values)
        self._supplied = values
        self._reading = None

    def _divide(self, values: Mapping[int, object]) -> None:
        """Close the files `values` answers for, and have the others looked for."""
        for kept in (self._counters, self._settings):
            known = [i for i, file in enumerate(kept.files) if file.place.slot in values]
            self._give_up(kept, known)
        self._missing += [file.place for file in self._loose] + self._answered
        self._loose, self._loose_texts = [], []
        self._answered = [place for place in self._missing if place.slot in values]
        self._missing = [place for place in self._missing if place.slot not in values]
        for place in self._answered:
            self._denied.discard(place)
            self._failed.pop(place, None)
        self._look_at = 0.0

    def read(self, now: float) -> CgroupReading | None:
        """Read everything. `now` is monotonic seconds. None: the cgroup is gone; `close` it."""
        looked = now >= self._look_at
        if looked and not self._look(now):
            return None
        if self._reading is None:
            for slot in self._present:
                self._values[slot] = self._supplied[slot]
        if self._young_until is None:
            self._young_until = now + YOUNG
        settings = looked or now < self._young_until
        changed = False
        for kept in (self._counters, self._settings) if settings else (self._counters,):
            lost: list[int] = []
            if self._read_open(kept, lost):
                changed = True
            if lost:
                if not self._is_there():
                    return None
                self._give_up(kept, lost)
        if self._loose and self._read_loose(settings=settings):
            changed = True
        if changed or self._reading is None:
            self._reading = self._assemble(
                self._values,
                tuple(dict.fromkeys(place.row.field for place in sorted(self._denied))),
                tuple((place.row.field, self._failed[place]) for place in sorted(self._failed)),
            )
        return self._reading

    @property
    def kept(self) -> int:
        """How many files are kept open."""
        return len(self._counters.fds) + len(self._settings.fds)

    def loosen(self) -> None:
        """Close every file, and from now on open and close each at every read."""
        for kept in (self._counters, self._settings):
            self._loose += kept.files
            self._loose_texts += kept.texts
            for fd in kept.fds:
                os.close(fd)
        self._open_files.left += self.kept
        self._counters, self._settings = _Open(), _Open()

    def close(self) -> None:
        """Close every file."""
        self.loosen()
        self._loose, self._loose_texts = [], []

    def _read_open(self, kept: _Open, lost: list[int]) -> bool:
        """Read open files, note in `lost` those not to be kept; False if all say what they said."""
        changed = False
        texts = kept.texts
        for index, fd in enumerate(kept.fds):
            known = texts[index]
            short = known is not None and len(known) < _SHORT
            try:
                text = os.pread(fd, _SHORT if short else _READ_SIZE, 0)
                if len(text) >= (_SHORT if short else _WHOLE):
                    text = read_bytes(fd)
            except OSError as error:
                changed = True
                texts[index] = None
                if self._refused(kept.files[index], error):
                    lost.append(index)
                continue
            if text != known:
                changed = True
                texts[index] = text
                self._parse(kept.files[index], text)
        return changed

    def _is_there(self) -> bool:
        try:
            return os.stat(self._directory).st_ino == self._inode
        except OSError as error:
            # Denied: a directory above may not be entered. Nothing says the cgroup is gone.
            if error.errno in ABSENT | DENIED:
                return error.errno in DENIED
            raise

    def _look(self, now: float) -> bool:
        """Open what is not open; False if the cgroup is gone."""
        self._reading = None
        # Not all cgroups in one tick: those of one tick spread over a quarter of a minute.
        self._look_at = now + LOOK_AGAIN - self._inode % 16
        missing = self._missing + [file.place for file in self._loose]
        self._missing, self._loose, self._loose_texts = [], [], []
        for place in missing:
            self._open(place)
        self._present = []
        for place in self._answered:
            self._values[place.slot] = None
            if any(os.path.exists(f"{place.directory}/{name}") for name in place.row.names):
                self._present.append(place.slot)
        # After opening: a directory made anew under the same path is another cgroup.
        return self._is_there()

    def _open(self, place: Place) -> None:
        self._denied.discard(place)
        self._failed.pop(place, None)
        for name in place.row.names:
            path = f"{place.directory}/{name}"
            fd = None
            if self._may_keep(place):
                try:
                    fd = open_kept(path)
                except Denied:
                    self._denied.add(place)
                    break
                except OSError as error:
                    if error.errno not in _TOO_MANY:
                        self._failed[place] = told(error)
                        break
                    self._open_files.left = 0
                    self._open_files.exhausted = True
            if fd is not None:
                self._open_files.left -= 1
                kept = self._settings if place.row.field in SETTINGS else self._counters
                kept.add(fd, _File(place, name))
                return
            if not self._may_keep(place) and os.path.exists(path):
                self._loose.append(_File(place, name))
                self._loose_texts.append(None)
                return
        self._missing.append(place)

    def _may_keep(self, place: Place) -> bool:
        return not place.row.repeats and self._open_files.room(place.row.field)

    def _parse(self, file: _File, text: bytes) -> None:
        place = file.place
        try:
            value = place.row.parse(text.decode("utf-8", "surrogateescape"))
        except UnexpectedText as error:
            value = None
            self._failed[place] = str(UnexpectedText(error.text, file.path))
        else:
            if self._failed:
                self._failed.pop(place, None)
        self._values[place.slot] = value

    def _refused(self, file: _File, error: OSError) -> bool:
        """Take note that an open file could not be read; True if it is not to be kept."""
        self._values[file.place.slot] = None
        if error.errno in ABSENT:
            return True
        if error.errno in DENIED:
            self._denied.add(file.place)
            return True
        self._failed[file.place] = f"{file.path}: {error.strerror}"
        return False

    def _give_up(self, kept: _Open, lost: list[int]) -> None:
        for index in reversed(lost):
            os.close(kept.fds.pop(index))
            del kept.texts[index]
            self._missing.append(kept.files.pop(index).place)
        self._open_files.left += len(lost)

    def _read_loose(self, *, settings: bool) -> bool:
        """Open, read and close the files that are not kept; False if all say what they said."""
        changed = False
        directories: dict[str, int | None] = {}
        try:
            for index, file in enumerate(self._loose):
                known = self._loose_texts[index]
                if known is not None and not settings and file.place.row.field in SETTINGS:
                    continue
                text = self._text_of_loose(file, directories)
                if text is None or text != known:
                    changed = True
                    self._loose_texts[index] = text
                    if text is not None:
                        self._denied.discard(file.place)
                        self._parse(file, text)
        finally:
            for directory in directories.values():
                if directory is not None:
                    os.close(directory)
        return changed

    def _text_of_loose(self, file: _File, directories: dict[str, int | None]) -> bytes | None:
        place = file.place
        try:
            if place.directory not in directories:
                directories[place.directory] = open_directory(place.directory)
            at = directories[place.directory]
            fd = None if at is None else open_kept(file.path, at)
            if fd is not None:
                try:
                    text = os.pread(fd, _READ_SIZE, 0)
                    return text if len(text) < _WHOLE else read_bytes(fd)
                finally:
                    os.close(fd)
            self._values[place.slot] = None
            self._denied.discard(place)
        except OSError as error:
            self._denied.discard(place)
            self._failed.pop(place, None)
            self._refused(file, error)
        else:
            self._failed.pop(place, None)
        return None
