"""What every decoder of a map promises of bytes that no program of ours wrote."""

from __future__ import annotations

from collections.abc import Callable

from agent.bpf.entries import UnexpectedRecord

Decode = Callable[[list[tuple[bytes, bytes]]], object]


def assert_decoded_or_refused(decode: Decode, keys: bytes, values: bytes) -> None:
    """Whole records are decoded, all else is refused as what it is."""
    try:
        decode([(keys, values)])
    except UnexpectedRecord:
        return
    assert len(keys) % 8 == 0
