"""systemd's journal through systemd's own reader, libsystemd's sd_journal, by ctypes.

    reader = open_journal("")          # this host's; or the directory of one
    reader.seek_cursor(cursor)
    while reader.next():
        message = reader.field("MESSAGE")

The file format is systemd's to change; its library reads all of them, compressed ones included. It
is loaded when a journal is first opened, never at import: a host without systemd need not have it.

Not for two threads at once. sd_journal(3) and the pages it names describe each call.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from typing import Final

_LIBRARY: Final = "libsystemd.so.0"
_LOCAL_ONLY: Final = 1


class JournalUnavailable(OSError):
    """No journal can be read here; says why."""


class Reader:
    """An open journal and a place in it."""

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p, place: str) -> None:
        self._library = library
        self._handle = handle
        self.place = place
        """What is read, for a person: a directory, or "local"."""
        # By default fields are cut at 64 KiB.
        self._check("set_data_threshold", ctypes.c_size_t(0))
        self.fd: Final = self._check("get_fd")
        """Readable when the journal changed; then call `process`."""
        self._data = ctypes.c_void_p()
        self._length = ctypes.c_size_t()

    def close(self) -> None:
        """Close the journal. Idempotent."""
        if self._handle.value:
            self._library.sd_journal_close(self._handle)
            self._handle = ctypes.c_void_p()

    def process(self) -> None:
        """Take note of new, renamed and deleted files. Cheap where nothing changed."""
        self._check("process")

    def seek_head(self) -> None:
        """Before the oldest entry."""
        self._check("seek_head")

    def seek_tail(self) -> bool:
        """To the newest entry: `next` gives what comes from now on. False: there is none."""
        self._check("seek_tail")
        return self._check("previous") > 0

    def seek_time(self, realtime_us: int) -> None:
        """Before the first entry that journald took then or later: microseconds since 1970."""
        self._check("seek_realtime_usec", ctypes.c_uint64(realtime_us))

    def seek_back(self, entries: int) -> bool:
        """From the end so many entries back: `next` gives the first of them. False: there are not
        so many, and `next` gives the oldest."""
        self._check("seek_tail")
        # One more, for the entry one stands on is not the next.
        if self._check("previous_skip", ctypes.c_uint64(entries + 1)) > entries:
            return True
        self._check("seek_head")
        return False

    def only(self, **fields: str) -> None:
        """From now on see entries alone whose fields are these. Seek after it."""
        self._library.sd_journal_flush_matches(self._handle)
        for name, value in fields.items():
            match = f"{name}={value}".encode()
            self._check("add_match", match, ctypes.c_size_t(len(match)))

    def values(self, name: str) -> Iterator[bytes]:
        """Every value that a field has in the journal, whatever `only` says; in no order."""
        self._check("query_unique", name.encode())
        while self._check("enumerate_unique", ctypes.byref(self._data), ctypes.byref(self._length)):
            yield ctypes.string_at(self._data.value or 0, self._length.value)[len(name) + 1 :]

    def seek_cursor(self, cursor: str) -> None:
        """Before the entry the cursor names, or where it would be. Raises OSError for no cursor."""
        self._check("seek_cursor", cursor.encode())

    def next(self) -> bool:
        """Go to the next entry; False where there is none yet."""
        return self._check("next") > 0

    def previous(self) -> bool:
        """Go to the entry before; False where there is none."""
        return self._check("previous") > 0

    def at(self, cursor: str) -> bool:
        """Whether the entry is the one the cursor names."""
        return self._check("test_cursor", cursor.encode()) > 0

    def cursor(self) -> str:
        """The entry's cursor, which finds it again, also after a restart."""
        text = ctypes.c_char_p()
        self._check("get_cursor", ctypes.byref(text))
        try:
            return (text.value or b"").decode("ascii", "replace")
        finally:
            _FREE(text)

    def realtime_us(self) -> int:
        """When journald took the entry: microseconds since 1970."""
        value = ctypes.c_uint64()
        self._check("get_realtime_usec", ctypes.byref(value))
        return value.value

    def field(self, name: str) -> bytes | None:
        """A field's value, the first where there are several; None where the entry has none."""
        status = self._library.sd_journal_get_data(
            self._handle, name.encode(), ctypes.byref(self._data), ctypes.byref(self._length)
        )
        if status == -errno.ENOENT:
            return None
        if status < 0:
            raise OSError(-status, f"sd_journal_get_data: {os.strerror(-status)}")
        data = ctypes.string_at(self._data.value or 0, self._length.value)
        return data[len(name) + 1 :]

    def _check(self, call: str, *arguments: object) -> int:
        status: int = getattr(self._library, f"sd_journal_{call}")(self._handle, *arguments)
        if status < 0:
            raise OSError(-status, f"sd_journal_{call}: {os.strerror(-status)}")
        return status


def open_journal(directory: str = "") -> Reader:
    """
    Open this host's journal, or the one in a directory. Raises `JournalUnavailable`.

    directory: journal files, or directories of them named after machine ids; "": where this host's
    own journald keeps them.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise JournalUnavailable(f"{_LIBRARY} cannot be loaded: {error}") from None
    for name in _FUNCTIONS:
        function = getattr(library, f"sd_journal_{name}")
        function.restype = None if name in ("close", "flush_matches") else ctypes.c_int
    handle = ctypes.c_void_p()
    if directory:
        path = os.path.abspath(directory)
        status = library.sd_journal_open_directory(ctypes.byref(handle), path.encode(), 0)
    else:
        status = library.sd_journal_open(ctypes.byref(handle), _LOCAL_ONLY)
    if status < 0:
        raise JournalUnavailable(f"the journal cannot be opened: {os.strerror(-status)}")
    try:
        return Reader(library, handle, directory or "local")
    except OSError as error:
        library.sd_journal_close(handle)
        raise JournalUnavailable(f"the journal cannot be read: {error}") from None


_FREE: Final = ctypes.CDLL(None).free
_FREE.restype = None

_FUNCTIONS: Final = (
    *("open", "open_directory", "close", "set_data_threshold", "get_fd", "process"),
    *("seek_head", "seek_tail", "seek_cursor", "seek_realtime_usec", "next", "previous"),
    *("previous_skip", "test_cursor", "flush_matches", "add_match"),
    *("query_unique", "enumerate_unique"),
    *("get_cursor", "get_realtime_usec", "get_data"),
)
