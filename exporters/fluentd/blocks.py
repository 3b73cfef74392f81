r"""Whole lines of a log file to entries of a PackedForward message, without an Entry in between.

Nearly every line a runtime writes has the same shape, and nearly every byte of its entry is known
before it is read: only time, length and content differ. Two implementations do the same:

    _blocks.c      compiled where there is a compiler, and used then
    PythonBlocks   everywhere; `AGENT_LOGS_NATIVE=0` in the environment chooses it

Contract of both

- A line of the usual shape (`CRI`, `DOCKER` below) is valid UTF-8, is no piece, has a time an
  EventTime can say, and at most `LONGEST` bytes of content. Its entry has the bytes that the parser
  of its format (agent/logs) and `ForwardEncoder.encode` would give it.
- They stop at the first line that is not, and say where it begins: the caller takes it the exact
  way, and comes back.
- The payload of one call is at most `room` bytes. A line that might not fit is not usual.

In Python many lines of one second are taken apart at once (columns.py). The loop for all others:
partition and prefixes, because each call into C costs less than a slice or a tuple. Headers and
constant fields are joined from bytes made before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from typing import Final

import orjson

from agent.logs.chunk import Bytes
from agent.logs.timestamps import NANOSECONDS, SCALE, parse_rfc3339
from agent.records import NamedTuple
from exporters.fluentd.columns import BEGIN, END, Columns, cri_columns, docker_columns
from exporters.fluentd.headers import LONGEST, Headers

_CONTRACT: Final = 2
"""With _blocks.c, which says the same number: what `encode` takes, returns and promises."""

_native: Callable[[int, Bytes, int, int, int, bytes, bytes, bytes], tuple[bytes, int, int]] | None
try:
    from exporters.fluentd import _blocks
except ImportError:  # installed without a compiler
    _native, STALE = None, False
else:
    STALE = getattr(_blocks, "CONTRACT", None) != _CONTRACT
    """Whether it was compiled from another version's source, as after a `git pull`: not used."""
    _native = None if STALE else _blocks.encode

NATIVE: Final = _native is not None and os.environ.get("AGENT_LOGS_NATIVE", "1") != "0"
"""Whether the compiled loop is used."""

FORMATS: Final = ("cri", "docker")

_STAMP: Final = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d)\.(\d{1,9})"
CRI: Final = re.compile(_STAMP + rb"(Z|[+-]\d\d:\d\d) (stdout|stderr) F (.*)")
DOCKER: Final = re.compile(rb'(.*)\\n","stream":"(stdout|stderr)","time":"' + _STAMP)
"""Between `BEGIN` and `END`."""
_OUT_TIME: Final = rb'\n","stream":"stdout","time":"'
_ERR_TIME: Final = rb'\n","stream":"stderr","time":"'
_NEAR: Final = 256 * 1024
"""Bytes of one call in Python: what it makes on the way stays in the processor's cache."""
_LONG: Final = 8 * 1024
"""Bytes of lines of one second from which taking them apart in columns is worth its begin."""
_NEWLINE: Final = ord("\n")
_BACKSLASH: Final = ord("\\")
"""To look for a byte by its number takes a tenth of what it takes by bytes."""
_ENTRY: Final = b"\x92\xd7\x00"

Encoded = tuple[bytes, int, int]
"""Payload, records, and the index in the block after the last line taken."""


class Shape(NamedTuple):
    """What every entry of one container has."""

    head: bytes
    """Between the time and the header of the content: the map's header and the key."""
    stdout: bytes
    stderr: bytes
    """After the content: the stream and the constant fields."""

    @property
    def overhead(self) -> int:
        """Bytes of an entry beside its content, at most."""
        return len(_ENTRY) + 8 + len(self.head) + 3 + max(len(self.stdout), len(self.stderr))


class TooLong(Exception):
    """A content over `LONGEST`."""


class _Headers(Headers):
    """Those of usual lines."""

    def __missing__(self, length: int) -> bytes:
        if length > LONGEST:
            raise TooLong
        return super().__missing__(length)


@cache
def _headers_after(head: bytes) -> _Headers:
    return _Headers(head)


class NativeBlocks:
    """The compiled loop."""

    def __init__(self, log_format: str, shape: Shape, room: int) -> None:
        if _native is None:
            raise ImportError("exporters/fluentd/_blocks.c is not compiled")
        self._encode = _native
        self._format = FORMATS.index(log_format)
        self._shape = shape
        self._room = room

    def encode(self, data: Bytes, begin: int, end: int) -> Encoded:
        """Encode usual lines from `data[begin]` on, as the module says. `end` is after a newline.

        At most as many as fit; none where the first is not usual.
        """
        return self._encode(self._format, data, begin, end, self._room, *self._shape)


class PythonBlocks:
    """The same without a compiler."""

    def __init__(self, log_format: str, shape: Shape, room: int, columns_from: int = _LONG) -> None:
        """`columns_from`: bytes of lines of one second that are taken apart in columns."""
        self._columns_from = columns_from
        self._take = self._take_cri if log_format == "cri" else self._take_docker
        self._headers = _headers_after(shape.head)
        self._shape = shape
        self._bytes, self._lines = _limits(shape, room)
        self._at_second(b"", b"Z", 0)

    def encode(self, data: Bytes, begin: int, end: int) -> Encoded:
        """As `NativeBlocks.encode`."""
        stop = data.rfind(b"\n", begin, min(end, begin + self._bytes)) + 1
        if not stop:
            return b"", 0, begin
        # Each entry's first bytes are the tail of the one before it.
        parts = [self._out_tail]
        text = _valid(bytes(memoryview(data)[begin:stop]))
        size = self._take(text, parts) if text else 0
        if not size:
            return b"", 0, begin
        parts[0] = parts[0][-7:]
        parts[-1] = parts[-1][:-7]
        return b"".join(parts), len(parts) // 4, begin + size

    def _at_second(self, stamp: bytes, zone: bytes, seconds: int) -> None:
        """Make what is the same for all lines of one second."""
        shape, start = self._shape, _ENTRY + seconds.to_bytes(4, "big")
        self._second = stamp + b"."
        self._zone = zone
        self._stdout = zone + b" stdout F "
        self._stderr = zone + b" stderr F "
        self._out_time = _OUT_TIME + self._second
        self._err_time = _ERR_TIME + self._second
        self._out_tail = shape.stdout + start
        self._err_tail = shape.stderr + start

    def _take_cri(self, text: bytes, parts: list[bytes]) -> int:
        """Append the entries of lines from the first on; return how many bytes those have."""
        second, size = self._second, 0
        if text.startswith(second):
            run = _lines_up_to(text, text.rfind(b"\n" + second) + 1)
            streams = self._streams_of(run, self._stdout, self._stderr)
            if streams is not None:
                columns = cri_columns(run, second, *streams, self._lines)
                size = self._append(columns, streams[0] is self._stdout, parts)
        if size < len(text):
            size += self._run(self._cri, text[size:-1].split(b"\n"), 1, parts)
        return size

    def _take_docker(self, text: bytes, parts: list[bytes]) -> int:
        size = 0
        run = _lines_up_to(text, text.rfind(b'"time":"' + self._second))
        streams = self._streams_of(run, self._out_time, self._err_time)
        if streams is not None:
            columns = docker_columns(run, *streams, self._lines)
            size = self._append(columns, streams[0] is self._out_time, parts)
        text = text[size:-1]
        frame = len(BEGIN) + len(END) + 1
        if text.startswith(BEGIN) and text.endswith(END):
            lines = text[len(BEGIN) : -len(END)].split(END + b"\n" + BEGIN)
            done = self._run(self._docker, lines, frame, parts)
            size, text = size + done, text[done:]
        if text:
            size += self._run(self._docker, _between(text), frame, parts)
        return size

    def _streams_of(self, run: bytes, out: bytes, err: bytes) -> tuple[bytes, bytes] | None:
        """Return first what the first line has of the two; None where columns are not for `run`."""
        if len(run) < self._columns_from:
            return None
        line = run[: run.index(b"\n")]
        if out in line:
            return out, err
        return (err, out) if err in line else None

    def _append(self, columns: Columns | None, out: bool, parts: list[bytes]) -> int:
        """Append the entries of lines, most of them of stdout if `out`; return their bytes."""
        if columns is None:
            return 0
        nanoseconds, contents, others, size = columns
        tail, other = self._out_tail, self._err_tail
        if not out:
            tail, other = other, tail
        made = [tail] * (4 * len(contents))
        made[0::4] = nanoseconds
        try:
            made[1::4] = map(self._headers.__getitem__, map(len, contents))
        except TooLong:
            return 0
        made[2::4] = contents
        for number in others:
            made[4 * number + 3] = other
        parts += made
        return size

    def _run(
        self,
        loop: Callable[[list[bytes], list[bytes]], None],
        lines: list[bytes],
        frame: int,
        parts: list[bytes],
    ) -> int:
        """`frame`: bytes of each line that `loop` does not see."""
        before = len(parts) // 4
        del lines[self._lines - before :]
        try:
            loop(lines, parts)
        except TooLong:
            pass
        del lines[len(parts) // 4 - before :]
        return sum(map(len, lines)) + len(lines) * frame

    def _cri(self, lines: list[bytes], parts: list[bytes]) -> None:
        extend, headers, scale = parts.extend, self._headers, SCALE
        second, stdout, stderr = self._second, self._stdout, self._stderr
        out_tail, err_tail = self._out_tail, self._err_tail
        for line in lines:
            time, found, content = line.partition(stdout)
            tail = out_tail
            if not found:
                time, found, content = line.partition(stderr)
                tail = err_tail
            digits = time.removeprefix(second)
            count = len(digits)
            if len(time) - count == 20 and found and digits.isdigit() and count < 10:
                event = (int(digits) * scale[count]).to_bytes(4, "big")
                extend((event, headers[len(content)], content, tail))
                continue
            match = CRI.fullmatch(line)
            if match is None:
                return
            stamp, digits, zone, stream, content = match.groups()
            header = headers[len(content)]
            if not self._reach(stamp, zone, parts):
                return
            second, stdout, stderr = self._second, self._stdout, self._stderr
            out_tail, err_tail = self._out_tail, self._err_tail
            tail = out_tail if stream == b"stdout" else err_tail
            nanoseconds = int(digits) * SCALE[len(digits)]
            extend((nanoseconds.to_bytes(4, "big"), header, content, tail))

    def _docker(self, lines: list[bytes], parts: list[bytes]) -> None:
        """`lines`: without `BEGIN` and `END`. A piece may still hold two lines."""
        extend, headers, scale = parts.extend, self._headers, SCALE
        out_time, err_time = self._out_time, self._err_time
        out_tail, err_tail = self._out_tail, self._err_tail
        for line in lines:
            # From the end, which is near.
            content, found, digits = line.rpartition(out_time)
            tail = out_tail
            if not found:
                content, found, digits = line.rpartition(err_time)
                tail = err_tail
            count = len(digits)
            if found and digits.isdigit() and count < 10:
                event = (int(digits) * scale[count]).to_bytes(4, "big")
            else:
                match = DOCKER.fullmatch(line)
                if match is None:
                    return
                content, stream, stamp, digits = match.groups()
                if len(content) > LONGEST or not self._reach(stamp, b"Z", parts):
                    return
                out_time, err_time = self._out_time, self._err_time
                out_tail, err_tail = self._out_tail, self._err_tail
                tail = out_tail if stream == b"stdout" else err_tail
                event = (int(digits) * SCALE[len(digits)]).to_bytes(4, "big")
            if _NEWLINE in content:
                return
            if _BACKSLASH in content:
                if len(content) > LONGEST:
                    return
                try:
                    content = orjson.loads(b'"' + content + b'"').encode()
                except ValueError:
                    return  # half of a surrogate pair, or a piece that ends in a program's own \n
            extend((event, headers[len(content)], content, tail))

    def _reach(self, stamp: bytes, zone: bytes, parts: list[bytes]) -> bool:
        """Go to the second of the next line, if it has one."""
        if self._second[:-1] == stamp and self._zone == zone:
            return True
        time_ns = parse_rfc3339(stamp + zone)
        if time_ns is None:
            return False
        self._at_second(stamp, zone, time_ns // NANOSECONDS)
        # The begin of the next entry is there already, with another second.
        parts[-1] = parts[-1][:-4] + self._out_tail[-4:]
        return True


BlockEncoder = NativeBlocks | PythonBlocks


def block_encoder(
    log_format: str, shape: Shape, room: int, *, in_c: bool = NATIVE
) -> BlockEncoder | None:
    """Choose the loop for `log_format`; None where there is none."""
    if log_format not in FORMATS:
        return None
    if in_c:
        return NativeBlocks(log_format, shape, room)
    return PythonBlocks(log_format, shape, min(room, _NEAR))


def _limits(shape: Shape, room: int) -> tuple[int, int]:
    """Bytes and lines of one call, so that the payload has at most `room` bytes."""
    return room // 2, room // 2 // shape.overhead


def _between(text: bytes) -> list[bytes]:
    """Docker's lines without `BEGIN` and `END`, up to the first that has not both."""
    lines = []
    for line in text.split(b"\n"):
        if not (line.startswith(BEGIN) and line.endswith(END)):
            break
        lines.append(line[len(BEGIN) : -len(END)])
    return lines


def _lines_up_to(text: bytes, at: int) -> bytes:
    """The lines of `text` up to the one that index `at` is in."""
    return text[: text.find(b"\n", at) + 1]


def _valid(text: bytes) -> bytes:
    """The lines of `text` before the first that is not valid UTF-8."""
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            return text[: text.rfind(b"\n", 0, error.start) + 1]
    return text
