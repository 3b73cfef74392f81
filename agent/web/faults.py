"""What can be wrong with a web configuration. Apart, so that whoever catches it needs no YAML."""

from __future__ import annotations


class BadWebFile(ValueError):
    """What is wrong with the file, in words, naming the file and the key."""
