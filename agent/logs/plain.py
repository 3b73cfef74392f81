"""Plain log files of programs that write to a file instead of their output: a line is a line.

    2026-11-24 03:16:16 INFO started

A line has no time or stream that is known: it gets the time it was read, and no stream. A carriage
return before the newline belongs to the line's end, not to the line.
"""

from __future__ import annotations

from agent.logs.entry import Entry


class PlainParser:
    """Lines of one file."""

    any_bytes = True

    def __init__(self) -> None:
        self.failures = 0
        """Stays 0: nothing can fail."""

    def parse(self, lines: list[bytes], read_ns: int) -> tuple[list[Entry], bool]:
        """One entry for each line, in order; never a piece."""
        return [(read_ns, "", line.removesuffix(b"\r"), None, False) for line in lines], False
