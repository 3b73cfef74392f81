"""Whether a container writes no more: asked only while its last line has no end.

A runtime holds a log open for writing as long as its container has an output, and closes it at the
end (TailedFile.written). One that is being restarted has closed it too, and its containers live on:
so the container's cgroup must be gone as well. A plain file's program is known by nothing but the
file: it ended when it was seen to hold it open, and holds it no more; one that opens it for each
write is never known to have ended.

What cannot be told is no end: then the line waits until nothing was written for partial.IDLE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.logs.tail import TailedFile

SETTLED: Final = 1.0
"""Seconds without a byte before the question is asked, and between two questions: a container that
writes has no end."""


def unknown(_id: str) -> bool | None:
    """For who does not know what runs."""
    return None


class Ending:
    """The end of one container's output."""

    def __init__(self, log_format: str, id_: str, alive: Callable[[str], bool | None]) -> None:
        """id_: the container's, "" where it is not known. alive: whether it runs; None where that
        is not known."""
        self._plain = log_format == "plain"
        self._id = id_
        self._alive = alive
        self._held = False
        """Somebody was seen to have the plain file open."""
        self._ask_at = float("-inf")

    def reached(self, file: TailedFile, silent: float, now: float) -> bool:
        """
        Whether nobody will write to `file`, the newest one, any more.

        silent: seconds since its last byte.
        """
        if silent < SETTLED or now < self._ask_at:
            return False
        self._ask_at = now + SETTLED
        written = file.written()
        if written is not False:
            self._held = self._held or written is True
            return False
        if self._plain:
            ended, self._held = self._held, False
            return ended
        return not (self._id and self._alive(self._id))
