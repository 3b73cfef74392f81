"""Programs run in the guest, through the QEMU guest agent on a virtio serial port.

The agent's protocol is JSON lines: docs/interop/qemu-ga-ref in QEMU's documentation. A program's
output comes when it has ended.
"""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

_POLL: Final = 0.2
_SYNC: Final = 1701


class GuestError(RuntimeError):
    """The guest did not do what it was asked to, or does not answer."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended."""

    status: int
    """Its exit code; 128 and the signal's number where one ended it."""
    stdout: bytes
    stderr: bytes


class Channel:
    """A connection to the agent in the guest."""

    def __init__(self, path: Path) -> None:
        """Raise OSError while nobody listens there."""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._buffer = b""

    def close(self) -> None:
        """Close the connection; the guest goes on."""
        self._socket.close()

    def await_agent(self, seconds: float) -> None:
        """Wait until the agent runs. Raise `GuestError`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # What was written before the agent ran is lost, or answered late: only a number that
            # comes back says that question and answer belong together.
            self._send({"execute": "guest-sync", "arguments": {"id": _SYNC}})
            try:
                while (answer := self._receive(5.0)).get("return") != _SYNC:
                    pass
            except TimeoutError:
                continue
            if answer:
                self._drain()
                return
        raise GuestError(f"the guest's agent did not answer within {seconds:g} s")

    def run(self, argv: Sequence[str], *, data: bytes = b"", seconds: float = 120.0) -> Done:
        """Run a program with `data` as its input. Raise `GuestError` where it does not end."""
        arguments: dict[str, object] = {
            "path": argv[0],
            "arg": list(argv[1:]),
            "capture-output": True,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        }
        if data:
            arguments["input-data"] = base64.b64encode(data).decode()
        started = self._ask("guest-exec", arguments)
        deadline = time.monotonic() + seconds
        while True:
            status = self._ask("guest-exec-status", {"pid": started["pid"]})
            if status["exited"]:
                break
            if time.monotonic() > deadline:
                raise GuestError(f"{' '.join(argv)}: still runs after {seconds:g} s")
            time.sleep(_POLL)
        code = status.get("exitcode")
        signal = status.get("signal")
        return Done(
            code if isinstance(code, int) else 128 + (signal if isinstance(signal, int) else 0),
            base64.b64decode(str(status.get("out-data", ""))),
            base64.b64decode(str(status.get("err-data", ""))),
        )

    def _ask(self, command: str, arguments: dict[str, object]) -> dict[str, object]:
        self._send({"execute": command, "arguments": arguments})
        try:
            answer = self._receive(120.0)
        except TimeoutError:
            raise GuestError(f"{command}: no answer") from None
        result = answer.get("return")
        if not isinstance(result, dict):
            raise GuestError(f"{command}: {answer.get('error')}")
        return result

    def _drain(self) -> None:
        """Throw away answers to earlier questions."""
        try:
            while True:
                self._receive(1.0)
        except TimeoutError:
            return

    def _send(self, message: dict[str, object]) -> None:
        self._socket.settimeout(120.0)
        self._socket.sendall(orjson.dumps(message) + b"\n")

    def _receive(self, seconds: float) -> dict[str, object]:
        self._socket.settimeout(seconds)
        while b"\n" not in self._buffer:
            data = self._socket.recv(1 << 20)
            if not data:
                raise GuestError("the guest went away")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer = orjson.loads(line.lstrip(b"\xff"))
        return answer if isinstance(answer, dict) else {}
