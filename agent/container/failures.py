"""What could not be read about containers: bounded, the same thing said once."""

from __future__ import annotations

import threading
from typing import Final

from agent.container.statefile import UnreadableState
from agent.kernelfile import DENIED, UnexpectedText

LIMIT: Final = 100
"""Subjects kept. A host where everything is denied must not fill the memory with saying so."""
_EACH: Final = 5
"""Messages kept about one subject."""

READ_FAILURES: Final = (OSError, UnreadableState, UnexpectedText)
"""What a look at a runtime's files can raise: reported here, and the container named without it."""


class Failures:
    """Messages by what they are about: a cgroup, a directory. A success takes them back. For any
    thread."""

    def __init__(self) -> None:
        self._messages: dict[str, dict[str, None]] = {}
        self._denied: set[str] = set()
        self._lock = threading.Lock()

    def add(self, subject: str, error: Exception) -> None:
        """Note that looking at `subject` raised `error`."""
        with self._lock:
            if subject not in self._messages and len(self._messages) >= LIMIT:
                return
            messages = self._messages.setdefault(subject, {})
            if len(messages) < _EACH:
                messages[_message(error)] = None
            if isinstance(error, OSError) and error.errno in DENIED:
                self._denied.add(subject)

    def clear(self, subject: str) -> None:
        """`subject` is readable, gone, or about to be looked at again."""
        with self._lock:
            self._messages.pop(subject, None)
            self._denied.discard(subject)

    @property
    def denied(self) -> bool:
        """Whether something could not be read for want of a right."""
        return bool(self._denied)

    def messages(self) -> tuple[str, ...]:
        """Different messages, oldest subject first."""
        with self._lock:
            return tuple(dict.fromkeys(text for texts in self._messages.values() for text in texts))


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
