"""Why a Forward server cannot be used, in words that say what to do about it. Pure."""

from __future__ import annotations

from typing import Final

from agent.faults import told
from agent.log_destinations import FluentdDestination

_SHOWN: Final = 60
"""Bytes of an answer that is none."""
_TLS_ALERT: Final = b"\x15\x03"


def no_ack(answer: bytes) -> str:
    """What a server answered that is no acknowledgement."""
    if answer.startswith(_TLS_ALERT):
        return "the server wants TLS; set tls = true"
    if answer.startswith(b"HTTP/"):
        return "an HTTP server answers; is this the port of Forward?"
    return f"the server answers {answer[:_SHOWN]!r}, which is no acknowledgement"


def ended(error: OSError | None, config: FluentdDestination, *, heard: bool) -> str:
    """Why a connection ended. error: None where the server closed it. heard: whether there was an
    acknowledgement on it before."""
    why = "the server closed the connection" if error is None else told(error)
    if heard:
        return why
    if not config.tls:
        return f"{why} before any acknowledgement; does it want TLS?"
    if not config.cert_file:
        return f"{why} before any acknowledgement; does it want a client certificate?"
    return f"{why} before any acknowledgement"
