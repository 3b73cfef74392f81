"""orjson, imported without json, dataclasses and uuid, whose instances nothing here has it write.

It looks up one name in each of them, and with them come inspect, ast and platform: 1.4 MB. They
stay as they are for everybody else, and where they were loaded before orjson writes them too.

Imported at start, by one thread.
"""

from __future__ import annotations

from agent.lean import replaced


class _NoUuid:
    """What no value is an instance of."""


class _Error(ValueError):
    """As json has it: what orjson's own error is, too."""

    def __init__(self, msg: str, doc: str, pos: int) -> None:
        super().__init__(f"{msg}: char {pos}")
        self.msg, self.doc, self.pos = msg, doc, pos


with (
    replaced("dataclasses", _FIELD=None),
    replaced("json", JSONDecodeError=_Error),
    replaced("uuid", UUID=_NoUuid),
):
    import orjson

__all__ = ["orjson"]
