"""A real GELF peer of the test's own: go-gelf, Graylog's library, in the program that `GELF` names,
or `gelf` on PATH (tests/host/gelf_server)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.host.daemon import Daemon, HostUnavailable


class Decoded(NamedTuple):
    """One message, as go-gelf decoded it."""

    text: str
    host: str
    level: int
    seconds: float
    """Unix time; a floating-point number there."""
    extra: dict[str, object]


def gelf_program() -> str:
    """The program's path. Raises `HostUnavailable`."""
    program = os.environ.get("GELF") or shutil.which("gelf")
    if program is None:
        raise HostUnavailable("needs a GELF reader: its path in GELF, or on PATH (make peers)")
    asked = subprocess.run([program, "what"], capture_output=True, text=True, timeout=30)
    if asked.stdout.strip() != "go-gelf reader":
        raise HostUnavailable(f"{program} is not tests/host/gelf_server")
    return program


class GelfReader:
    """A receiver on two free loopback ports."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "gelf.log"
        self._daemon = Daemon([gelf_program()], self._log)
        self._daemon.await_answer(lambda: bool(self._lines()), 10)
        first = self._lines()[0]
        self.urls = {by: f"{by}://{first[by]}" for by in ("udp", "tcp")}

    def messages(self) -> list[Decoded]:
        """All it has received so far, in the order in which they came. None may have failed."""
        found = []
        for line in self._lines()[1:]:
            assert "error" not in line, line
            message, extra = line["message"], line["extra"]
            assert isinstance(message, dict)
            assert isinstance(extra, dict)
            assert message["version"] == "1.1"
            text, host = message["short_message"], message["host"]
            found.append(Decoded(text, host, message["level"], message["timestamp"], extra))
        return found

    def stop(self) -> None:
        self._daemon.stop()

    def _lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._log.read_bytes().split(b"\n")[:-1]]
