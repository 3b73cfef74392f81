"""Basic authentication with bcrypt hashes, without a bcrypt for each scrape.

A hash of cost 10 takes about 50 ms. So a pair that was right once is remembered, as a keyed digest:
neither the password nor what it could be guessed from stays in memory. One hash is computed at a
time, and an unknown name costs as much as a wrong password, so that nobody learns which names there
are.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import threading
from collections.abc import Mapping
from typing import Final

import bcrypt

_MOST_REMEMBERED: Final = 100
_MOST_BYTES: Final = 72
"""bcrypt looks at no more of a password; Go's leaves the rest away as this does."""
_NOBODY: Final = "." * 53
"""Salt and hash of no password."""


class Passwords:
    """Checks Authorization headers against users. Thread-safe."""

    def __init__(self, users: Mapping[str, bytes]) -> None:
        """users: name → bcrypt hash."""
        self._users = users
        cost = max((int(value[4:6]) for value in users.values()), default=10)
        self._nobody = f"$2b${cost:02}${_NOBODY}".encode()
        self._key = os.urandom(32)
        self._right: dict[bytes, None] = {}
        self._lock = threading.Lock()
        self.hashed = 0
        """How often bcrypt was asked."""

    def accept(self, authorization: str) -> bool:
        """Whether an Authorization header has a user's name and password."""
        pair = _basic(authorization)
        if pair is None:
            return False
        name, password = pair
        known = self._users.get(name.decode("utf-8", "surrogateescape"))
        expected = known if known is not None else self._nobody
        digest = hmac.digest(
            self._key, b"%d:%b:%b:%b" % (len(name), name, expected, password), "sha256"
        )
        if digest in self._right:
            return True
        with self._lock:
            self.hashed += 1
            right = bcrypt.checkpw(password[:_MOST_BYTES], expected) and known is not None
            if right:
                while len(self._right) >= _MOST_REMEMBERED:
                    del self._right[next(iter(self._right))]
                self._right[digest] = None
        return right


def _basic(authorization: str) -> tuple[bytes, bytes] | None:
    """(name, password) of "Basic BASE64"; None for anything else."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    name, colon, password = decoded.partition(b":")
    if not colon or b"\0" in password:
        return None
    return name, password
