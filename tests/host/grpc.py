"""One gRPC call after the other over a unix socket, on `h2`.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. grpcio and its code generator would
be 25 MB for the same.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from tests.host.protobuf import Fields, Message, decode, encode

_PREFIX = struct.Struct(">BI")


class CallFailed(RuntimeError):
    """The server answered with another status than OK. The text is its message."""


class Channel:
    """A connection. Not thread-safe."""

    def __init__(self, path: Path, timeout: float = 60.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._http.initiate_connection()

    def close(self) -> None:
        self._socket.close()

    def call(self, method: str, request: Message) -> Fields:
        """A unary call of "/package.Service/Method". Raises `CallFailed`, OSError."""
        stream = self._http.get_next_available_stream_id()
        message = encode(request)
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "localhost"),
            (":path", method),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ]
        self._http.send_headers(stream, headers)
        # Every request here fits the first window, 64 KiB.
        self._http.send_data(stream, _PREFIX.pack(0, len(message)) + message, end_stream=True)
        body, answer = self._receive(stream)
        if answer.get("grpc-status") != "0":
            raise CallFailed(f"{method}: {answer.get('grpc-message') or answer}")
        _, size = _PREFIX.unpack_from(body)
        return decode(body[_PREFIX.size : _PREFIX.size + size])

    def _receive(self, stream: int) -> tuple[bytes, dict[str, str]]:
        body = bytearray()
        answer: dict[str, str] = {}
        while True:
            self._socket.sendall(self._http.data_to_send())
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            for event in self._http.receive_data(data):
                if isinstance(event, ConnectionTerminated):
                    raise ConnectionError(f"the server ended the connection: {event}")
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, DataReceived):
                    body += event.data or b""
                    self._http.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                elif isinstance(event, ResponseReceived | TrailersReceived):
                    answer |= {str(name): str(value) for name, value in event.headers or ()}
                elif isinstance(event, StreamEnded | StreamReset):
                    self._socket.sendall(self._http.data_to_send())
                    return bytes(body), answer
