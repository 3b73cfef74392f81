"""A strict Forward receiver, as a process of its own: it can be killed and started again.

    python -m tests.forward_server --port 0 --log FILE

Prints "port N" when it listens. Every byte of every message is checked against the protocol: what
it decoded is encoded again and must give the same bytes. Before it acknowledges a chunk it appends
the chunk to FILE, after that it notes the acknowledgement:

    R <chunk id> <number> <number> …     the numbers of its records ("line 000017 …" → 17)
    A <chunk id>                         acknowledged
    C                                    a connection was read to its end
    E <reason>                           a message that breaks a rule: the server ends at once

`--discard` only counts and acknowledges, for benchmarks. `--silent` never acknowledges. `--sink`
reads bytes and knows no messages.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import os
import re
import socket
import sys
import threading
from dataclasses import dataclass

import cramjam
import msgpack

NUMBER = re.compile(r"line (\d+)")
MOST = 6_144_000
"""Fluent Bit's in_forward closes the connection over this."""


class Wrong(Exception):
    """A message that breaks a rule."""


@dataclass(frozen=True)
class Message:
    tag: str
    chunk: str
    records: list[tuple[int, dict[str, object]]]
    """Time in ns, record."""


def decode_message(raw: bytes) -> Message:
    """Check one message, byte by byte, and take it apart."""
    whole = msgpack.unpackb(raw, raw=False)
    if not isinstance(whole, list) or len(whole) != 3:
        raise Wrong(f"not an array of three: {raw[:40]!r}")
    tag, entries, option = whole
    if not isinstance(tag, str) or not isinstance(entries, bytes) or not isinstance(option, dict):
        raise Wrong("not [str, bin, map]")
    if msgpack.packb(whole) != raw:
        raise Wrong("not the shortest encoding")
    if set(option) == {"chunk", "size", "compressed"}:
        match option["compressed"]:
            case "gzip":
                entries = gzip.decompress(entries)
            case "zstd":
                entries = bytes(cramjam.zstd.decompress(entries))
            case other:
                raise Wrong(f"compressed: {other!r}")
    elif set(option) != {"chunk", "size"}:
        raise Wrong(f"options {sorted(option)}")
    if len(entries) > MOST:
        raise Wrong(f"{len(entries)} bytes of entries")
    if len(base64.b64decode(option["chunk"], validate=True)) != 16:
        raise Wrong(f"chunk id {option['chunk']!r}")
    records = decode_entries(entries)
    if option["size"] != len(records):
        raise Wrong(f"size {option['size']}, but {len(records)} entries")
    return Message(tag, option["chunk"], records)


def decode_entries(entries: bytes) -> list[tuple[int, dict[str, object]]]:
    records = []
    unpacker = msgpack.Unpacker(raw=False, max_buffer_size=0)
    unpacker.feed(entries)
    at = 0
    for entry in unpacker:
        end = unpacker.tell()
        if not isinstance(entry, list) or len(entry) != 2:
            raise Wrong(f"an entry that is not [time, record]: {entry!r}")
        time, record = entry
        if not isinstance(time, msgpack.ExtType) or time.code != 0 or len(time.data) != 8:
            raise Wrong(f"not an EventTime: {time!r}")
        if entries[at : at + 3] != b"\x92\xd7\x00":
            raise Wrong("EventTime is not fixext8")
        seconds, nanoseconds = (
            int.from_bytes(time.data[:4], "big"),
            int.from_bytes(time.data[4:], "big"),
        )
        if nanoseconds >= 10**9:
            raise Wrong(f"{nanoseconds} ns")
        if not isinstance(record, dict) or not isinstance(record.get("log"), str):
            raise Wrong(f"not a record: {record!r}")
        if msgpack.packb(entry) != entries[at:end]:
            raise Wrong("not the shortest encoding")
        records.append((seconds * 10**9 + nanoseconds, record))
        at = end
    if at != len(entries):
        raise Wrong(f"{len(entries) - at} bytes after the last entry")
    return records


class Server:
    def __init__(self, log: str | None, *, discard: bool, silent: bool, sink: bool) -> None:
        self.fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else -1
        self.discard = discard
        self.silent = silent
        self.sink = sink

    def serve(self, connection: socket.socket) -> None:
        unpacker = msgpack.Unpacker(raw=False, max_buffer_size=64 * 1024 * 1024)
        raw = bytearray()
        taken = 0
        try:
            while data := connection.recv(256 * 1024):
                if self.sink:
                    continue
                unpacker.feed(data)
                if not self.discard:
                    raw += data
                for whole in unpacker:
                    end = unpacker.tell()
                    if self.discard:
                        self.acknowledge(connection, whole[2]["chunk"])
                        continue
                    self.take(connection, bytes(raw[: end - taken]))
                    del raw[: end - taken]
                    taken = end
        except ConnectionError:
            pass
        finally:
            connection.close()
            if self.fd >= 0:
                os.write(self.fd, b"C\n")

    def take(self, connection: socket.socket, raw: bytes) -> None:
        try:
            message = decode_message(raw)
        except Exception as error:  # noqa: BLE001 whatever is wrong, the test must see it
            os.write(self.fd, f"E {type(error).__name__} {error}\n".encode())
            os._exit(1)
        numbers = []
        for _time, record in message.records:
            match = NUMBER.search(str(record["log"]))
            numbers.append(match[1] if match else "-")
        os.write(self.fd, f"R {message.chunk} {' '.join(numbers)}\n".encode())
        self.acknowledge(connection, message.chunk)
        os.write(self.fd, f"A {message.chunk}\n".encode())

    def acknowledge(self, connection: socket.socket, chunk: str) -> None:
        if not self.silent:
            connection.sendall(msgpack.packb({"ack": chunk}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--discard", action="store_true")
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--sink", action="store_true")
    options = parser.parse_args()
    server = Server(options.log, discard=options.discard, silent=options.silent, sink=options.sink)
    listener = socket.create_server(("127.0.0.1", options.port))
    sys.stdout.write(f"port {listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        connection, _address = listener.accept()
        threading.Thread(target=server.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
