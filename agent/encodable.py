"""Names that a page can be written with."""

from __future__ import annotations


def encodable(text: str) -> str:
    """
    `text`, where it came from bytes that are no UTF-8 (surrogateescape) with those as "\\xff".

    Two different names stay two.
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
