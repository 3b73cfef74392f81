"""Why a Forward server cannot be used, in words that say what to do about it. Pure."""

from __future__ import annotations

import re
from typing import Final

from agent.log_destinations import FluentdDestination

_SHOWN: Final = 60
"""Bytes of an answer that is none."""
_NOISE: Final = re.compile(r"\A\[[^]]*\] |\.? \(_ssl\.c:[0-9]+\)\Z")
"""What Python puts around OpenSSL's sentences."""
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


def told(error: OSError) -> str:
    """The file, if there is one, and why; without the numbers that only a programmer needs."""
    why = _NOISE.sub("", error.strerror or str(error)) or type(error).__name__
    return why if error.filename is None else f"{error.filename}: {why}"
