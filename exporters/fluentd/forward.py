"""The Forward protocol, version 1: messages to bytes and acknowledgements from bytes. No I/O.

Spec    https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1

    client  [tag, bin(entry entry …), {"chunk": id, "size": n}]     PackedForward
            [tag, bin(gzip(entry …)), {…, "compressed": "gzip"}]    CompressedPackedForward
            [tag, bin(zstd(entry …)), {…, "compressed": "zstd"}]    Fluentd 1.19, Fluent Bit 5.1
    server  {"ack": id}                                             once the events are its own

    entry   92                   array of two
            D7 00 SSSS NNNN      EventTime: fixext8 of type 0, big-endian seconds and nanoseconds
            8x A3 "log" …        the record, a map of strings

Nothing but such messages is ever sent: the spec allows nil as a heartbeat, and Fluent Bit closes
the connection on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgpack

from agent.compression import compress
from agent.logs.chunk import BlockEncoder, Chunk, Entry, Extra
from agent.logs.timestamps import NANOSECONDS
from exporters.fluentd.blocks import Shape, block_encoder
from exporters.fluentd.headers import binary_header, headers_after, map_header, string_header
from exporters.fluentd.reasons import no_ack

_ENTRY: Final = b"\x92\xd7\x00"
_ROOM: Final = 256 * 1024
_LEVEL: Final = 1
"""Of zstd. Records repeat their fields: higher ones take far more CPU for a tenth fewer bytes."""
Compression = Literal["none", "gzip", "zstd"]
_ACK_BUFFER: Final = 64 * 1024
"""An acknowledgement has 32 bytes."""


class NotAnAck(ValueError):
    """The server sent something else: nothing after it on this connection can be trusted."""


class ForwardEncoder:
    """Entries of one container. Everything but time and content is made once."""

    def __init__(self, fields: Mapping[str, str], room: int = _ROOM) -> None:
        """`room`: bytes of payload of one call of the block encoder, at most."""
        self._room = room
        self._fields = dict(fields)
        constant = b"".join(msgpack.packb(text) for pair in fields.items() for text in pair)
        self._constant = constant
        # What follows the content, and then the beginning of the next entry.
        self._tails = {
            stream: msgpack.packb("stream") + msgpack.packb(stream) + constant + _ENTRY
            for stream in ("stdout", "stderr")
        }
        self._headers = headers_after(_record_start(2 + len(fields)))
        self._shape = Shape(
            _record_start(2 + len(fields)),
            *(tail.removesuffix(_ENTRY) for tail in self._tails.values()),
        )
        self._second = 0
        self._second_ns = 0

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode entries one after another: the payload of a PackedForward message."""
        parts = [_ENTRY]
        extend = parts.extend
        headers, tails = self._headers, self._tails
        second, second_ns = self._second, self._second_ns
        for time_ns, stream, content, extra, _partial in entries:
            nanoseconds = time_ns - second_ns
            if not 0 <= nanoseconds < NANOSECONDS:
                seconds, nanoseconds = divmod(time_ns, NANOSECONDS)
                second, second_ns = seconds << 32, time_ns - nanoseconds
            event_time = (second | nanoseconds).to_bytes(8, "big")
            if extra is None and stream:
                extend((event_time, headers[len(content)], content, tails[stream]))
            else:
                extend((event_time, self._record(stream, content, extra), _ENTRY))
        self._second, self._second_ns = second, second_ns
        if not entries:
            return b""
        # The last entry is followed by no other.
        parts[-1] = parts[-1][: -len(_ENTRY)]
        return b"".join(parts)

    def block_encoder(self, log_format: str) -> BlockEncoder | None:
        """The short way from lines to entries (blocks.py)."""
        return block_encoder(log_format, self._shape, self._room)

    def _record(self, stream: str, content: bytes, extra: Extra | None) -> bytes:
        """The record of an entry that is not like the others."""
        pairs: dict[str, object] = {"stream": stream} if stream else {}
        pairs.update(self._fields)
        pairs.update(extra or {})
        packed = b"".join(msgpack.packb(item) for pair in pairs.items() for item in pair)
        header = _record_start(1 + len(pairs)) + string_header(len(content))
        return header + content + packed


def forward_message(tag: str, chunk: Chunk, compression: Compression = "none") -> tuple[bytes, ...]:
    """
    One PackedForward message that asks for an acknowledgement, in pieces: no copy is made.

    To compress takes milliseconds of CPU, without the GIL: it belongs in a thread.
    """
    parts, size = chunk.parts, chunk.size
    option: dict[str, str | int] = {"chunk": chunk.id, "size": chunk.records}
    if compression != "none":
        parts = _compress(chunk, compression)
        size = sum(map(len, parts))
        option["compressed"] = compression
    head = b"\x93" + msgpack.packb(tag) + binary_header(size)
    return head, *parts, msgpack.packb(option)


class AckDecoder:
    """The bytes a server sends back."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(raw=False, max_buffer_size=_ACK_BUFFER)

    def feed(self, data: bytes) -> list[str]:
        """
        Return the chunk ids that `data` acknowledges.

        Raise `NotAnAck` for anything that is not an acknowledgement; ids before it are lost, which
        costs a resend.
        """
        try:
            self._unpacker.feed(data)
            return list(self._ids(data))
        except NotAnAck:
            raise
        except Exception:  # noqa: BLE001 msgpack's errors have no common class
            raise NotAnAck(no_ack(data)) from None

    def _ids(self, data: bytes) -> Iterator[str]:
        for message in self._unpacker:
            identity = message.get("ack") if isinstance(message, dict) else None
            if not isinstance(identity, str):
                if isinstance(message, list) and message[:1] == ["HELO"]:
                    raise NotAnAck("the server wants a shared key (HELO); set shared_key_file")
                raise NotAnAck(no_ack(data))
            yield identity


def _compress(chunk: Chunk, compression: Compression) -> tuple[bytes, ...]:
    if compression == "gzip":
        return tuple(compress(chunk.parts))
    import cramjam  # 5 MB, for those who want it

    return (bytes(cramjam.zstd.compress(chunk.payload, _LEVEL)),)


def _record_start(pairs: int) -> bytes:
    return map_header(pairs) + b"\xa3log"
