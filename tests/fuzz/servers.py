"""Fuzz targets of what log destinations answer: acknowledgements, handshakes, refusals."""

from __future__ import annotations

from exporters.fluentd.forward import AckDecoder, NotAnAck
from exporters.fluentd.handshake import (
    Credentials,
    Hello,
    Messages,
    Refused,
    check_pong,
    parse_hello,
    ping,
)
from exporters.loki.push import ignored

_WHO = Credentials("host", b"key", "user", b"password")
_HELLO = Hello(b"n" * 16, b"a" * 16, True)


def forward_ack(data: bytes) -> None:
    """`data` as what a Forward server sends back, cut in two: ids, or words for what it is not."""
    for cut in {0, len(data) // 2}:
        decoder = AckDecoder()
        try:
            for piece in (data[:cut], data[cut:]):
                for identity in decoder.feed(piece):
                    identity.encode("utf-8", "surrogatepass")
        except NotAnAck as error:
            str(error).encode("utf-8", "backslashreplace")


def forward_handshake(data: bytes) -> None:
    """`data` as a HELO and as a PONG: let in only by who has the key, refused in words else."""
    messages = Messages()
    try:
        message = messages.feed(data[: len(data) // 2]) or messages.feed(data[len(data) // 2 :])
    except Refused:
        return
    if message is None:
        return
    try:
        ping(parse_hello(message), _WHO, "salt")
    except Refused as error:
        str(error)
    try:
        check_pong(message, _HELLO, _WHO, "salt")
    except Refused as error:
        str(error)
    else:
        raise AssertionError("let in by who has not the key")


def loki_refusal(data: bytes) -> None:
    """`data` as a 400 of Loki's: at least one line is refused, and no more than were sent."""
    if not 1 <= ignored(data, 10) <= 10:
        raise AssertionError("a count that cannot be")
