"""A document whose fields an index did not take, once more without them. Pure.

    {"@timestamp":…,"message":"…","stream":"stdout","pod":"web-5f7d","offset":4096,
     "refused_fields":"{\\"status\\":\\"n/a\\"}","refused_reason":"mapper_parsing_exception: …"}

The fields that rules found in a line may be of another type than the index has them, or too many,
or have names that no index takes. That must not cost the line: it is stored with these fields as
one text. A second refusal is one of the line.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

import orjson

from exporters.elasticsearch.results import Result

REFUSED_FIELDS: Final = "refused_fields"
_LOG: Final = frozenset({"offset", "flags"})
"""What is the agent's own of ECS's `log`."""


def without_fields(document: bytes, kept: Set[str], result: Result) -> bytes | None:
    """
    The document (as bulk.documents cuts it, action included) with the fields of `kept` alone.

    None where it has no others, or was made here.
    """
    if result.status != 400:
        return None
    action, source = document.rstrip(b"\n").split(b"\n", 1)
    fields = orjson.loads(source)
    if REFUSED_FIELDS in fields:
        return None
    own: dict[str, object] = {}
    others: dict[str, object] = {}
    for name, value in fields.items():
        if name == "log" and name in kept and isinstance(value, dict):
            own[name] = {key: inner for key, inner in value.items() if key in _LOG}
            others |= {f"log.{key}": inner for key, inner in value.items() if key not in _LOG}
        else:
            (own if name in kept else others)[name] = value
    if not others:
        return None
    own[REFUSED_FIELDS] = orjson.dumps(others).decode()
    own["refused_reason"] = result.error
    return b"%b\n%b\n" % (action, orjson.dumps(own))


def is_without_fields(document: bytes) -> bool:
    """Whether `without_fields` made it."""
    return b',"refused_fields":"' in document
