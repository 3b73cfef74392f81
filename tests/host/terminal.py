"""A program on a terminal of its own, seen through a terminal emulator that is not ours (pyte)."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

# The child opens the terminal itself: so it becomes its session's controlling terminal, and
# Ctrl-C, Ctrl-Z and hang-ups work as for a person.
_ON_TERMINAL = 'exec "$@" <"$0" >"$0" 2>&1'


class TerminalProgram:
    """A context manager; at its end the program is killed if it still runs."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._master, self._slave = os.openpty()
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.output = bytearray()
        """Every byte the program wrote."""
        self._set_size(columns, lines)
        self.process = subprocess.Popen(
            ["sh", "-c", _ON_TERMINAL, os.ttyname(self._slave), *argv],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # pyte knows this terminal's sequences; xterm has some it does not know.
            env={**os.environ, "TERM": "linux", "LC_ALL": "C.UTF-8", **(environment or {})},
        )

    def __enter__(self) -> TerminalProgram:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        self.hang_up()

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self.screen.display)

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self._set_size(columns, lines)

    def modes(self) -> list[object]:
        """The terminal's settings (tcgetattr)."""
        return list(termios.tcgetattr(self._slave))

    def hang_up(self) -> None:
        """Close our end, as a terminal window that is closed does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def wait_for(self, condition: Callable[[str], bool], what: str, seconds: float = 30.0) -> None:
        """Read what the program writes until the screen's text fulfils `condition`."""
        deadline = time.monotonic() + seconds
        while not condition(self.text):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{what}: not within {seconds:g} s; the screen:\n{self.text}")
            self.read(left)

    def wait_for_text(self, text: str) -> None:
        self.wait_for(lambda shown: text in shown, repr(text))

    def wait_for_end(self, seconds: float = 30.0) -> int:
        """The exit code, once the program has ended; its last output is read."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"still running after {seconds:g} s; the screen:\n{self.text}")
            self.read(0.05)
        while self.read(0):
            pass
        return self.process.returncode

    def read(self, seconds: float) -> bool:
        """Take what it writes within `seconds`; whether it wrote anything."""
        if self._master < 0:
            time.sleep(min(seconds, 0.02))
            return False
        readable, _, _ = select.select([self._master], [], [], seconds)
        if readable:
            data = os.read(self._master, 65536)
            self.output += data
            self._stream.feed(data)
        return bool(readable)

    def _set_size(self, columns: int, lines: int) -> None:
        # The kernel sends SIGWINCH to the terminal's foreground process group.
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
