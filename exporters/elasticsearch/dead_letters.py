"""Documents that were refused for good, kept in a bounded file.

    {"status":400,"error":"document_parsing_exception: …","action":{"create":…},"document":{…}}

Two files at most, each of the size the configuration says; the older one goes first.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from exporters.elasticsearch.results import Result
from exporters.file.rotated_file import RotatedFile


class DeadLetters:
    """Blocking; the caller brings it to a thread. One at a time."""

    def __init__(self, path: str, max_bytes: int) -> None:
        self._file = RotatedFile(path, max_bytes, 2)

    def keep(self, letters: Sequence[tuple[bytes, Result]]) -> None:
        """Write documents, as bulk.documents cuts them, and bring them to the disk. OSError."""
        self._file.append(b"".join(_line(document, result) for document, result in letters))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(document: bytes, result: Result) -> bytes:
    action, source = document.rstrip(b"\n").split(b"\n", 1)
    why = orjson.dumps({"status": result.status, "error": result.error})[:-1]
    return b'%b,"action":%b,"document":%b}\n' % (why, action, source)
