"""JSON Schema of what `agent dump` prints, made from the types themselves.

A field's description is the docstring below it in the source, where there is one: what the number
means, in which unit, and what absence says is told once.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import textwrap
import types
import typing
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final, Literal

from agent.bpf.counts import ProbeCounts
from agent.dump.plain import Json
from agent.history.schema import hints_of, record_types
from agent.security.check import Check

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final[Mapping[object, str]] = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    type(None): "null",
}


def document_schema(title: str, properties: Mapping[str, object]) -> Json:
    """The schema of an object whose members have these types."""
    definitions: dict[str, Json] = {}
    members: dict[str, Json] = {name: _of(hint, definitions) for name, hint in properties.items()}
    return {
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "properties": members,
        "required": [*members],
        "$defs": definitions,
    }


def _of(hint: Any, definitions: dict[str, Json]) -> Json:
    if isinstance(hint, dict):
        return hint  # a schema already
    if hint in _SCALARS:
        name = _SCALARS[hint]
        # A number that is none is null.
        return {"type": ["number", "null"]} if hint is float else {"type": name}
    if hint is Check:
        return {"type": "string", "description": "id of a check, see docs/security.md"}
    if hint is ProbeCounts:
        return {
            "type": "object",
            "description": "by the kind of counts: TcpCounts, SchedCounts, … (docs/probes.md)",
        }
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [str(member.value) for member in hint]}
    if isinstance(hint, type) and _is_record(hint):
        return _reference(hint, definitions)
    return _generic(typing.get_origin(hint), typing.get_args(hint), definitions)


def _generic(origin: Any, arguments: tuple[Any, ...], definitions: dict[str, Json]) -> Json:
    if origin is Literal:
        return {"enum": [_choice(argument) for argument in arguments]}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of(argument, definitions) for argument in arguments]}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    if origin is tuple and arguments[-1] is not ...:
        return {"type": "array", "prefixItems": [_of(one, definitions) for one in arguments]}
    if isinstance(origin, type) and issubclass(origin, Sequence | Set):
        return {"type": "array", "items": _of(arguments[0], definitions)}
    raise TypeError(f"no schema for {origin} of {arguments}")


def _choice(argument: object) -> Json:
    return str(argument.value) if isinstance(argument, enum.Enum) else typing.cast(Json, argument)


def _is_record(kind: type) -> bool:
    return kind in record_types() or dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")


def _reference(kind: type, definitions: dict[str, Json]) -> Json:
    name = f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
    if name not in definitions:
        definitions[name] = None  # a type inside itself ends here
        told = _docstrings(kind)
        members: dict[str, Json] = {}
        for field, hint in hints_of(kind).items():
            member = _of(hint, definitions)
            if field in told and isinstance(member, dict):
                member = {**member, "description": told[field]}
            members[field] = member
        definitions[name] = {
            "type": "object",
            "description": " ".join((kind.__doc__ or "").split()),
            "properties": members,
            "required": [*members],
        }
    return {"$ref": f"#/$defs/{name}"}


def _docstrings(kind: type) -> dict[str, str]:
    """The text below each field of a class; nothing where its source is not there."""
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except OSError:
        return {}
    (body,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    told = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            told[field.target.id] = " ".join(text.value.value.split())
    return told
