"""orjson, imported without dataclasses and uuid, whose instances nothing here asks it to write.

It looks up one name in each of them, and with them come inspect, ast and platform: 1.2 MB. Both
stay as they are for everybody else, and where they were loaded before orjson writes them too.

Imported at start, by one thread.
"""

from __future__ import annotations

from agent.lean import replaced


class _NoUuid:
    """What no value is an instance of."""


with replaced("dataclasses", _FIELD=None), replaced("uuid", UUID=_NoUuid):
    import orjson

__all__ = ["orjson"]
