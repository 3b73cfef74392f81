"""Entries of a probe's maps, as the kernel hands them out: unpacked, or refused. Pure.

Integers are in this machine's own byte order, as the kernel wrote them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

Batches = Iterable[tuple[bytes, bytes]]
"""What each call returned: keys one after the other, and their values likewise."""


class UnexpectedRecord(ValueError):
    """A map holds bytes its decoder does not know: object and agent are not of one version."""


def entries(
    batches: Batches, key: struct.Struct, value: struct.Struct
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Each key with its value. Raises UnexpectedRecord where there is a part of one."""
    return chain.from_iterable(_unpacked(keys, values, key, value) for keys, values in batches)


def _unpacked(
    keys: bytes, values: bytes, key: struct.Struct, value: struct.Struct
) -> Iterable[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    count, left = divmod(len(keys), key.size)
    if left or len(values) != count * value.size:
        raise UnexpectedRecord(f"{len(keys)} bytes of keys with {len(values)} bytes of values")
    return zip(key.iter_unpack(keys), value.iter_unpack(values), strict=True)
