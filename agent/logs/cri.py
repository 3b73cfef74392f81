"""CRI log files: containerd, CRI-O, Podman's k8s-file.

    2026-11-24T03:16:16.105173157Z stdout F GET / 200
    2026-11-24T08:46:16.1051+05:30 stderr P a piece of a long line, more foll

Source  k8s.io/cri-api: TIMESTAMP STREAM TAG[:TAG...] CONTENT. The first tag is F (full, or the last
        piece) or P (a piece); others may follow and mean nothing to us.
Times   RFC 3339 in the host's zone, fraction of any length (see timestamps.py).
Bytes   The content is the program's own bytes; they need not be UTF-8.

A program that exits without a newline leaves a P that no F follows: `partial.py` finishes it.
"""

from __future__ import annotations

from typing import Final

from agent.logs.entry import UNPARSED, Entry
from agent.logs.timestamps import SCALE, parse_rfc3339

_STDOUT: Final = b" stdout F "
_STDERR: Final = b" stderr F "
_STREAMS: Final = {b"stdout": "stdout", b"stderr": "stderr"}
_DOT: Final = ord(".")


class CriParser:
    """Lines of one container's files. Keeps the second and the zone it saw last."""

    any_bytes = True

    def __init__(self) -> None:
        self.failures = 0
        """Lines that came out raw."""
        self._second = b""
        self._zone = b""
        self._second_ns = 0

    def parse(self, lines: list[bytes], read_ns: int) -> tuple[list[Entry], bool]:
        """
        Parse `lines`: one entry for each, in order, and whether any is a piece.

        `read_ns` is the time given to a line that does not parse.
        """
        entries: list[Entry] = []
        append = entries.append
        partial = False
        second, zone, second_ns = self._second, self._zone, self._second_ns
        for line in lines:
            time, found, content = line.partition(_STDOUT)
            stream = "stdout"
            if not found:
                time, found, content = line.partition(_STDERR)
                stream = "stderr"
            # A content that holds " stdout F " itself leaves a `time` that fails below.
            if found and 22 <= len(time) <= 35 and time[19] == _DOT:
                its_zone = b"Z" if time.endswith(b"Z") else time[-6:]
                digits = time[20 : -len(its_zone)]
                if time[:19] != second or its_zone != zone:
                    second_ns = parse_rfc3339(time[:19] + its_zone) or 0
                    second, zone = (time[:19], its_zone) if second_ns else (b"", b"")
                if second and digits.isdigit() and len(digits) <= 9:
                    time_ns = second_ns + int(digits) * SCALE[len(digits)]
                    append((time_ns, stream, content, None, False))
                    continue
            entry = self.parse_line(line, read_ns)
            partial = partial or entry[4]
            append(entry)
        self._second, self._zone, self._second_ns = second, zone, second_ns
        return entries, partial

    def parse_line(self, line: bytes, read_ns: int) -> Entry:
        """Parse one line of any legal shape; a line that has none comes out raw and is counted."""
        parts = line.split(b" ", 3)
        if len(parts) >= 3:
            time_ns = parse_rfc3339(parts[0])
            stream = _STREAMS.get(parts[1])
            tag = parts[2].partition(b":")[0]
            if time_ns is not None and stream is not None and tag in (b"F", b"P"):
                content = parts[3] if len(parts) == 4 else b""
                return time_ns, stream, content, None, tag == b"P"
        self.failures += 1
        return read_ns, "", line, {"note": UNPARSED}, False
