"""What the answer to a bulk request says of each document. Pure.

    {"errors":true,"items":[{"create":{"status":201}},
     {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"…"}}}]}

2xx, 409       stored, now or by an earlier try
429, 5xx       again: the cluster is busy, or a shard is away
401, 403, 404, again: the index is closed, blocked or not allowed, the cluster may have no more
what is not    shards, the pipeline or the alias is not there. It is the operator's to mend, as it
the document's is for a whole request, and must not cost a line
other 4xx      refused: the index has no place for such a document
"""

from __future__ import annotations

from typing import Final

import orjson

from agent.records import NamedTuple

_NOT_THE_DOCUMENTS: Final = frozenset(
    {"cluster_block_exception", "index_closed_exception", "validation_exception"}
)
_NOT_THE_DOCUMENTS_EITHER: Final = ("pipeline with id [", "no write index is defined for alias [")
"""Reasons, where the type (illegal_argument_exception) says nothing."""


class NotABulkAnswer(ValueError):
    """The body is not what a bulk request is answered with."""


class Result(NamedTuple):
    """What became of one document."""

    status: int
    kind: str = ""
    """The error's type; "" where there is none."""
    reason: str = ""

    @property
    def error(self) -> str:
        """Type and reason."""
        return ": ".join(filter(None, (self.kind, self.reason)))

    @property
    def in_words(self) -> str:
        """For a person."""
        return f"{self.status} {self.error}".rstrip()

    @property
    def stored(self) -> bool:
        """Now, or by an earlier try: 409 says that the id is there."""
        return 200 <= self.status < 300 or self.status == 409

    @property
    def again(self) -> bool:
        """It may be taken later."""
        return (
            self.status in (401, 403, 404, 429)
            or self.status >= 500
            or self.kind in _NOT_THE_DOCUMENTS
            or self.reason.startswith(_NOT_THE_DOCUMENTS_EITHER)
        )


def results(body: bytes, count: int) -> list[Result] | None:
    """
    Read the answer to `count` documents; None: every one is stored.

    Raise NotABulkAnswer for anything else, also for one result too few.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("errors"), bool):
        raise NotABulkAnswer(f"it answers {body[:100]!r}, which is no answer of the bulk API")
    if not answer["errors"]:
        return None
    items = answer.get("items")
    if not isinstance(items, list) or len(items) != count:
        raise NotABulkAnswer(f"{count} documents, and not as many results")
    return [_result(item) for item in items]


def _result(item: object) -> Result:
    inner = item.get("create") if isinstance(item, dict) else None
    status = inner.get("status") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or type(status) is not int:
        raise NotABulkAnswer(f"no result: {item!r}"[:200])
    error = inner.get("error")
    if isinstance(error, dict):
        kind, reason = str(error.get("type", "")), str(error.get("reason", ""))
        return Result(status, kind[:100], reason[:500])
    return Result(status, reason=str(error or "")[:500])
