"""What the agent's own server answers one request with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: str
    """ "200 OK"."""
    content_type: str
    body: Iterable[bytes]
    gzip: bool = False
    varies: bool = False
    """Another Accept or Accept-Encoding header gets another answer."""
    headers: tuple[tuple[str, str], ...] = ()
    """Beside those that every answer has."""
