"""tomllib, imported without what its one named tuple brings along.

`typing.NamedTuple` compiles the annotations, and with that loads what Python's syntax trees are
made of: 210 KB that stay in every process that ever read a configuration.

Imported at start, by one thread.
"""

from __future__ import annotations

import typing

from agent.named_tuple import NamedTuple

_typings = typing.NamedTuple
typing.NamedTuple = NamedTuple  # type: ignore[assignment,misc]
try:
    import tomllib
finally:
    typing.NamedTuple = _typings  # type: ignore[misc]

__all__ = ["tomllib"]
