"""What the system refused, in words."""

from __future__ import annotations


def told(error: OSError) -> str:
    """As cat and ls say it: the file, then why, without the number."""
    if error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
