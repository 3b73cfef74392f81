"""argparse, imported without translations: there are none of it, nor of what this program says.

gettext and the locale module that it loads take 220 KB in every process, and at each start gettext
looks for catalogues on disk.

Imported by `agent.cli.main` and what it imports, before any command's file.
"""

from __future__ import annotations

from agent.lean import replaced


def _plural(one: str, many: str, count: int) -> str:
    """As gettext has it."""
    return one if count == 1 else many


with replaced("gettext", gettext=str, ngettext=_plural):
    import argparse

__all__ = ["argparse"]
