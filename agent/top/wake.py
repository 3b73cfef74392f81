"""One place to wait for everything: keys, signals, and the word that there is a new frame.

A pipe of our own carries a byte for each signal (signal.set_wakeup_fd) and a zero for a frame, so a
signal is handled between two drawings, in the loop, and never inside curses.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from types import FrameType

from agent.records import NamedTuple

_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGWINCH,
)
_FRAME = 0


class Event(NamedTuple):
    """What happened."""

    signals: tuple[int, ...]
    keys: bool
    """There is something to read from the terminal."""
    hangup: bool
    """The terminal is gone."""


class Wake:
    """A context manager: while inside, the signals above only wake the loop."""

    def __enter__(self) -> Wake:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers = [
            (number, signal.signal(number, _do_nothing))
            for number in _SIGNALS
            # A shell without job control ignores SIGTSTP, nohup SIGHUP: then so do we.
            if signal.getsignal(number) is not signal.SIG_IGN
        ]
        self._wakeup_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._terminal = sys.__stdin__.fileno()  # type: ignore[union-attr]  # the caller has seen that it is a terminal
        self._poll.register(self._terminal, select.POLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup_fd)
        for number, handler in self._handlers:
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def frame(self) -> None:
        """Say that there is a new frame. Any thread may."""
        try:
            os.write(self._write, bytes((_FRAME,)))
        except BlockingIOError:
            pass  # the pipe is full of reasons to wake up already

    def wait(self) -> Event:
        """Sleep until something happens."""
        signals: tuple[int, ...] = ()
        keys = hangup = False
        for descriptor, events in self._poll.poll():
            if descriptor == self._read:
                signals = tuple(byte for byte in os.read(self._read, 4096) if byte != _FRAME)
            else:
                keys = bool(events & select.POLLIN)
                hangup = bool(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL))
        return Event(signals, keys, hangup)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """A handler must be there for set_wakeup_fd to see the signal."""
