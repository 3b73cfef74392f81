"""A Forward server inside `agent logs --verify`: it counts numbered lines, and acknowledges.

record  {"log":"agent-verify 3f2a… 17", …}     number 17 of the run 3f2a…
other   acknowledged and left alone: the worker ships every container's new lines
"""

from __future__ import annotations

import socket
import threading
from typing import Final, Self

import msgpack

from agent.records import dataclass, field

_CHUNK: Final = 8 * 1024 * 1024
"""Bytes of one message at most: a chunk has 1 MiB, one record alone may make it larger."""


@dataclass(slots=True)
class Tally:
    """What came of the numbers from 0 to `expected` - 1."""

    expected: int
    seen: dict[int, int] = field(default_factory=dict)
    """Number → how often."""
    reordered: int = 0
    """Numbers that came after a larger one, repetitions left out."""
    highest: int = -1

    def take(self, number: int) -> None:
        """One line came."""
        again = self.seen.get(number, 0)
        self.seen[number] = again + 1
        if not again and number < self.highest:
            self.reordered += 1
        self.highest = max(self.highest, number)

    @property
    def lost(self) -> list[int]:
        """Numbers that did not come."""
        return [number for number in range(self.expected) if number not in self.seen]

    @property
    def received(self) -> int:
        """Different numbers that came."""
        return len(self.seen)

    @property
    def duplicated(self) -> int:
        """Lines that came once more than once."""
        return sum(self.seen.values()) - len(self.seen)


class VerifyReceiver:
    """Listens on a free port of the loopback from `with` on, in threads of its own."""

    def __init__(self, prefix: str, expected: int) -> None:
        """prefix: what the lines of this run begin with; the number follows."""
        self.tally = Tally(expected)
        self.problem = ""
        """Why a connection was given up; "" where none was."""
        self._prefix = prefix
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="verify-accept", daemon=True)]

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed by the other side already
                continue
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:  # shut down
                return
            self._connections.append(connection)
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="verify", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        unpacker = msgpack.Unpacker(raw=False, max_buffer_size=2 * _CHUNK)
        with connection:
            try:
                while data := connection.recv(256 * 1024):
                    unpacker.feed(data)
                    for message in unpacker:
                        _tag, entries, option = message
                        self._take(entries)
                        connection.sendall(msgpack.packb({"ack": option["chunk"]}))
            except OSError:
                return  # the worker went; it sends again what has no acknowledgement
            except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
                self.problem = f"{type(error).__name__}: {error}"

    def _take(self, entries: bytes) -> None:
        unpacker = msgpack.Unpacker(raw=False, max_buffer_size=0)
        unpacker.feed(entries)
        for _time, record in unpacker:
            begin, _space, number = str(record.get("log", "")).rpartition(" ")
            if begin == self._prefix and number.isdecimal():
                with self._lock:
                    self.tally.take(int(number))
