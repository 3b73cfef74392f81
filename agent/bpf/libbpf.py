"""Load a CO-RE object (.bpf.o) with libbpf.so.1, by ctypes.

Docs    https://libbpf.readthedocs.io/en/latest/api.html

`load` opens the object from memory, loads each of its programs, takes copies of the program and map
descriptors, and frees everything libbpf allocated: after it only descriptors remain. What attaches
them is `Loaded`.

A program this kernel refuses does not take the others along. libbpf loads an object whole or not at
all, so after a refusal the object is opened again without the program which libbpf's log names.

libbpf says what went wrong only in its log, on stderr: the log is caught and quoted in the error.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from agent.bpf.loaded import Loaded, LoadFailed

_SONAME: Final = "libbpf.so.1"
_LOG_LINES: Final = 200
_MESSAGE_BYTES: Final = 65536
"""Of one log message. The verifier's whole log is one; the end of a longer one is cut off."""
_QUOTED_LINES: Final = 6
_DEBUG: Final = 2  # enum libbpf_print_level

_PROGRAM: Final = re.compile(r"libbpf: prog '([^']+)': ")

# int (*)(enum libbpf_print_level, const char *, va_list). A va_list parameter is an address on
# every machine we run on, and is only handed on.
_PrintFn = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _OpenOptions(ctypes.Structure):
    """The head of struct bpf_object_open_opts; `sz` tells libbpf how much of it is here."""

    _fields_ = (("sz", ctypes.c_size_t), ("object_name", ctypes.c_char_p))


class LibbpfError(Exception):
    """libbpf refused. `program` is the one it blamed, "" where it blamed none."""

    def __init__(self, doing: str, errno: int, log: Collection[str]) -> None:
        super().__init__(doing, errno, log)
        self.doing = doing
        self.errno = errno
        self.log = tuple(log)
        blamed = [found[1] for line in self.log if (found := _PROGRAM.match(line))]
        self.program = blamed[-1] if blamed else ""

    def __str__(self) -> str:
        lines = [line.removeprefix("libbpf: ") for line in self.log[-_QUOTED_LINES:]]
        quoted = " | ".join(lines)
        # From 4000 on they are libbpf's own, which strerror does not know; the log explains them.
        code = os.strerror(self.errno) if self.errno < 4000 else f"libbpf's error {self.errno}"
        return f"{self.doing}: {code}" + (f" ({quoted})" if quoted else "")


def version() -> str | None:
    """The library's version, "1.1"; None where libbpf.so.1 is not installed or not loadable."""
    try:
        library = _library()
    except OSError:
        return None
    return f"{library.libbpf_major_version()}.{library.libbpf_minor_version()}"


def load(
    image: bytes,
    name: str,
    *,
    without: Collection[str] = (),
    sizes: Mapping[str, int] | None = None,
) -> Loaded:
    """
    Load every program of the object `image` but those named in `without`.

    Programs which the kernel refuses are in `Loaded.off` with the reason. Raise LoadFailed where no
    program is left, or `image` is not an object. `name` is for libbpf's messages, `sizes` the
    entries of the maps that are to have others than the object says.
    """
    loaded = Loaded()
    while True:
        try:
            _load_once(image, name, {*without, *loaded.off}, sizes or {}, loaded)
        except LibbpfError as error:
            if not error.program or error.program in loaded.off:
                raise LoadFailed(f"libbpf: {error}", loaded.off) from error
            loaded.off[error.program] = str(error)
            continue
        if not loaded.programs:
            loaded.close()
            raise LoadFailed(f"libbpf: no program runs: {_each_reason(loaded.off)}", loaded.off)
        return loaded


def _each_reason(off: Mapping[str, str]) -> str:
    return "; ".join(f"{program}: {reason}" for program, reason in off.items())


def _load_once(
    image: bytes, name: str, without: Collection[str], sizes: Mapping[str, int], loaded: Loaded
) -> None:
    library = _library()
    options = _OpenOptions(ctypes.sizeof(_OpenOptions), name.encode())
    with _log(library) as log:
        handle = library.bpf_object__open_mem(image, len(image), ctypes.byref(options))
        if not handle:
            raise LibbpfError("open the object", ctypes.get_errno(), log)
        try:
            programs = list(_each(library.bpf_object__next_program, handle))
            for program in programs:
                if _name(library.bpf_program__name, program) in without:
                    library.bpf_program__set_autoload(program, False)
            for bpf_map in _each(library.bpf_object__next_map, handle):
                if entries := sizes.get(_name(library.bpf_map__name, bpf_map)):
                    library.bpf_map__set_max_entries(bpf_map, entries)
            code = library.bpf_object__load(handle)
            if code < 0:
                raise LibbpfError("load", -code, log)
            for program in programs:
                called = _name(library.bpf_program__name, program)
                if called not in without:
                    loaded.programs[called] = os.dup(library.bpf_program__fd(program))
            for bpf_map in _each(library.bpf_object__next_map, handle):
                fd = library.bpf_map__fd(bpf_map)
                loaded.maps[_name(library.bpf_map__name, bpf_map)] = os.dup(fd)
        except BaseException:  # whatever ends it: nothing stays open, and it is raised on
            loaded.close()
            raise
        finally:
            library.bpf_object__close(handle)


def _each(following: Callable[[int, int | None], int | None], handle: int) -> Iterator[int]:
    item = following(handle, None)
    while item:
        yield item
        item = following(handle, item)


def _name(function: Callable[[int], bytes], item: int) -> str:
    return function(item).decode()


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_SONAME, use_errno=True)
    address, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "libbpf_set_print": (address, [address]),
        "libbpf_major_version": (ctypes.c_uint32, []),
        "libbpf_minor_version": (ctypes.c_uint32, []),
        "bpf_object__open_mem": (address, [text, ctypes.c_size_t, address]),
        "bpf_object__load": (number, [address]),
        "bpf_object__close": (None, [address]),
        "bpf_object__next_program": (address, [address, address]),
        "bpf_object__next_map": (address, [address, address]),
        "bpf_program__name": (text, [address]),
        "bpf_program__set_autoload": (number, [address, ctypes.c_bool]),
        "bpf_program__fd": (number, [address]),
        "bpf_map__name": (text, [address]),
        "bpf_map__fd": (number, [address]),
        "bpf_map__set_max_entries": (number, [address, ctypes.c_uint32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


_log_lock: Final = threading.Lock()
"""libbpf has one print function for the whole process."""


@contextmanager
def _log(library: ctypes.CDLL) -> Iterator[deque[str]]:
    """Catch what libbpf prints while the block runs, a line an item, the newest lines."""
    lines: deque[str] = deque(maxlen=_LOG_LINES)
    vsnprintf = ctypes.CDLL(None).vsnprintf
    vsnprintf.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
    buffer = ctypes.create_string_buffer(_MESSAGE_BYTES)

    def catch(level: int, form: int, arguments: int) -> int:
        if level < _DEBUG:
            vsnprintf(buffer, len(buffer), form, arguments)
            lines.extend(buffer.value.decode("utf-8", "replace").splitlines())
        return 0

    callback = _PrintFn(catch)
    with _log_lock:
        previous = library.libbpf_set_print(ctypes.cast(callback, ctypes.c_void_p))
        try:
            yield lines
        finally:
            library.libbpf_set_print(previous)
