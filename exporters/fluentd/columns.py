r"""Lines of one second to what differs in their entries, a column at a time. No I/O.

A loop over lines costs a microsecond for each in Python, most of it for its steps. Here each step
is one call for all lines, and a content is copied no oftener than it must be:

    lines     io.BytesIO finds newlines with memchr, several times as fast as bytes.split
    columns   partition at what stands between time and content
    contents  without the rest of their frame
    times     ".1" and ".05" become the JSON text [8388608.1e9,8388608.05e9], that two numbers, and
              those two doubles. 2**23 * 10**9 is a multiple of 2**32 between 2**52 and 2**53, where
              the last four bytes of a double are those of its whole number: the nanoseconds, also
              where zeros at the end were left out. JSON sees to it that they are digits.

None where any line is not of the usual shape (blocks.py): then the caller takes them one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import chain, islice, repeat
from struct import Struct, error, pack
from typing import Final

import orjson

from agent.records import NamedTuple
from exporters.fluentd.headers import LONGEST

BEGIN: Final = b'{"log":"'
END: Final = b'Z"}'
"""Of Docker's lines."""
_DIGITS: Final = 9
_LINE_END: Final = END + b"\n"
_NEXT: Final = b"e9,8388608."
_LAST_HALVES: Final = Struct("4x4s" * 64)
_BACKSLASH: Final = ord("\\")

_Cut = Callable[[bytes, bytes], tuple[bytes, bytes, bytes]]


class Columns(NamedTuple):
    """Of consecutive lines."""

    nanoseconds: list[bytes]
    """Four bytes for each line, big-endian."""
    contents: list[bytes]
    others: list[int]
    """Which lines are of the other stream."""
    size: int
    """Bytes of all lines, newlines included."""


def cri_columns(
    text: bytes, second: bytes, between: bytes, other: bytes, limit: int
) -> Columns | None:
    """
    Take whole lines apart, at most `limit`. All have to begin with `second`.

    `between`: what most lines have between the time's digits and the content. `other`: what lines
    of the other stream have.
    """
    lines = BytesIO(text)
    cut = _cut(islice(lines, limit), bytes.partition, between, other)
    if cut is None:
        return None
    flat, others = cut
    stamps = flat[0::3]
    # Each line's only newline is at its end: no stamp has one.
    joined = b"\n".join(stamps)
    if not joined.startswith(second) or max(map(len, stamps)) > len(second) + _DIGITS:
        return None
    digits = joined[len(second) :].replace(b"\n" + second, _NEXT)
    nanoseconds = _nanoseconds(digits, len(stamps))
    if nanoseconds is None:
        return None
    contents = list(map(bytes.removesuffix, flat[2::3], repeat(b"\n")))
    return Columns(nanoseconds, contents, others, lines.tell())


def docker_columns(text: bytes, between: bytes, other: bytes, limit: int) -> Columns | None:
    """As `cri_columns`. `between` and `other` end in the second, and are of one length."""
    lines = BytesIO(text)
    cut = _cut(islice(lines, limit), bytes.rpartition, between, other)
    if cut is None:
        return None
    flat, others = cut
    ends = flat[2::3]
    joined = b"".join(ends)
    if not joined.endswith(_LINE_END) or max(map(len, ends)) > _DIGITS + len(_LINE_END):
        return None
    digits = joined[: -len(_LINE_END)].replace(_LINE_END, _NEXT)
    nanoseconds = _nanoseconds(digits, len(ends))
    if nanoseconds is None:
        return None
    frames = len(joined) + len(ends) * (len(BEGIN) + len(between))
    contents = list(map(bytes.removeprefix, flat[0::3], repeat(BEGIN)))
    joined = b"".join(contents)
    if len(joined) != lines.tell() - frames:
        return None  # one has another begin
    if _BACKSLASH in joined:
        try:
            contents = [text if _BACKSLASH not in text else _unescaped(text) for text in contents]
        except ValueError:
            return None  # half of a surrogate pair, or a piece that ends in a program's own \n
    return Columns(nanoseconds, contents, others, lines.tell())


def _cut(
    lines: Iterable[bytes], cut: _Cut, between: bytes, other: bytes
) -> tuple[list[bytes], list[int]] | None:
    """Return left, middle and right of every line, one after another; and which are the others."""
    flat: list[bytes] = []
    extend = flat.extend
    for parts in map(cut, lines, repeat(between)):
        extend(parts)
    if not flat:
        return None
    middles = flat[1::3]
    others: list[int] = []
    if middles.count(between) != len(middles):
        for number, middle in enumerate(middles):
            if not middle:
                # All of the line is at one end, which depends on `cut`.
                parts = cut(flat[3 * number] + flat[3 * number + 2], other)
                if not parts[1]:
                    return None
                flat[3 * number : 3 * number + 3] = parts
                others.append(number)
    return flat, others


def _nanoseconds(digits: bytes, count: int) -> list[bytes] | None:
    """
    Return those of `count` times, of each one to nine digits, between them `_NEXT`.

    None where one is anything else. No number is written 8388608.Xe9 with an X that is not digits.
    An X with a comma makes one number too many, unless another hides a `_NEXT` in what is no
    number.
    """
    if b"\n" in digits:
        return None  # in place of a `_NEXT`
    try:
        numbers = orjson.loads(b"[8388608." + digits + b"e9]")
        if len(numbers) != count:
            return None
        doubles = pack(f">{count}d", *numbers)
    except (ValueError, error):
        return None
    doubles += bytes(-len(doubles) % _LAST_HALVES.size)
    return list(islice(chain.from_iterable(_LAST_HALVES.iter_unpack(doubles)), count))


def _unescaped(content: bytes) -> bytes:
    if len(content) > LONGEST:
        raise ValueError
    text: str = orjson.loads(b'"' + content + b'"')
    return text.encode()
