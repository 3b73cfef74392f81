"""Text from outside (a container's name, a cgroup's path) made fit for where it is written.

Bytes of it that are no UTF-8 were read with surrogateescape: byte 0xff is the character U+DCFF.
"""

from __future__ import annotations


def encodable(text: str) -> str:
    """
    For a page: each such byte as the four characters of "\\xff".

    Two different names stay two.
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def escaped(text: str) -> str:
    """For a document: each such byte as the six characters of "\\udcff", as in JSON."""
    return text.encode("utf-8", "backslashreplace").decode()


def visible(text: str) -> str:
    """For a terminal: each such byte and each control character as Python writes it: "\\x1b"."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
