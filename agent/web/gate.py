"""Who may ask the agent's server: a web configuration file as it is now.

The file and the certificates it names are looked at on each request and connection, and read again
when one of them is another file, or was written to. One that cannot be read or is wrong changes
nothing: what was right last stays, and the fault is logged and counted. (exporter-toolkit answers
500 then; a certificate and its key that are replaced one after the other would do that, too.)

Whether there is TLS at all is settled at the start.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.faults import told
from agent.records import dataclass
from agent.web.faults import BadWebFile
from agent.web.passwords import Passwords
from agent.web.tls import Context, make_context
from agent.web.webfile import WebFile, parse_web_file

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int, int]
_Signature = tuple[_Stamp | None, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a request."""

    status: str
    """"" lets it in; else the status of the refusal."""
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Good:
    """What was right last."""

    file: WebFile
    passwords: Passwords | None
    context: Context | None
    signature: _Signature


class Gate:
    """The web configuration in `path`. Thread-safe."""

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Read it. Raises BadWebFile and OSError."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._good = _read_file(path)
        self._tokens = float(self._good.file.rate_burst)
        self._refilled = clock()
        self._said = ""
        self.failures = 0
        """How often a changed file could not be used."""

    @property
    def encrypted(self) -> bool:
        """Whether the server speaks TLS."""
        return self._good.context is not None

    @property
    def identifies(self) -> bool:
        """Whether it asks for a password, or verifies a certificate that every client must have."""
        tls = self._good.file.tls
        verified = tls is not None and tls.client_auth_type == "RequireAndVerifyClientCert"
        return self._good.passwords is not None or verified

    def context(self) -> Context:
        """For a new connection. Only where `encrypted`."""
        with self._lock:
            self._refresh()
            assert self._good.context is not None
            return self._good.context

    def check(self, authorization: str) -> Verdict:
        """Judge a request by its Authorization header."""
        with self._lock:
            self._refresh()
            good = self._good
            within_rate = self._within_rate()
        headers = good.file.headers
        if not within_rate:
            return Verdict("429 Too Many Requests", headers)
        if good.passwords is None or good.passwords.accept(authorization):
            return Verdict("", headers)
        return Verdict("401 Unauthorized", (*headers, ("WWW-Authenticate", "Basic")))

    def _refresh(self) -> None:
        if (_stamp(self._path), *_named(self._good.file)) == self._good.signature:
            return
        try:
            good = _read_file(self._path)
            if (good.context is not None) != self.encrypted:
                raise BadWebFile(f"{self._path}: TLS can only be switched by a restart")
        except (OSError, BadWebFile) as error:
            self.failures += 1
            # Looked at again on the next request: a half-written file is soon a whole one.
            if told(error) != self._said:
                self._said = told(error)
                log.error("web configuration, the last good one stays: %s", told(error))
        else:
            self._good = good
            self._said = ""
            log.info("web configuration read again")

    def _within_rate(self) -> bool:
        """A token bucket, as in golang.org/x/time/rate."""
        interval, burst = self._good.file.rate_interval, self._good.file.rate_burst
        if not interval:
            return True
        now = self._clock()
        self._tokens = min(float(burst), self._tokens + (now - self._refilled) / interval)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _read_file(path: str) -> _Good:
    # Stamps before contents: what changes in between is read again next time.
    own = _stamp(path)
    try:
        file = parse_web_file(Path(path).read_text(encoding="utf-8"), path)
    except UnicodeDecodeError:
        raise BadWebFile(f"{path}: this is not UTF-8") from None
    signature = (own, *_named(file))
    context = None if file.tls is None else make_context(file.tls)
    return _Good(file, Passwords(file.users) if file.users else None, context, signature)


def _named(file: WebFile) -> list[_Stamp | None]:
    return [] if file.tls is None else [_stamp(name) for name in file.tls.files()]


def _stamp(path: str) -> _Stamp | None:
    """Which file this is, and when it was written; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
