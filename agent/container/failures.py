"""What could not be read about containers: bounded, the same thing said once."""

from __future__ import annotations

from typing import Final

from agent.container.statefile import UnreadableState
from agent.kernelfile import UnexpectedText

LIMIT: Final = 100
"""Messages kept. A host where everything is denied must not fill the memory with saying so."""

READ_FAILURES: Final = (OSError, UnreadableState, UnexpectedText)
"""What a look at a runtime's files can raise: reported here, and the container named without it."""


class Failures:
    """Messages by the container or file they are about; a success takes its message back."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    def add(self, subject: str, error: Exception) -> None:
        """Note that looking at `subject` raised `error`."""
        if subject in self._messages or len(self._messages) < LIMIT:
            self._messages[subject] = _message(error)

    def clear(self, subject: str) -> None:
        """`subject` is readable, or gone."""
        self._messages.pop(subject, None)

    def messages(self) -> tuple[str, ...]:
        """At most LIMIT different messages, oldest first."""
        return tuple(dict.fromkeys(self._messages.values()))


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
