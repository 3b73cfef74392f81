"""A strict cluster of one test: stores documents by id and refuses what it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.http_peer import Request, response

Verdict = Callable[[dict[str, object]], int]
"""Document → status; 201 stores it, unless its id is there."""


@dataclass
class Cluster:
    verdict: Verdict = lambda document: 201
    most_bytes: int = 1 << 30
    """A larger body is 413."""
    stored: dict[tuple[str, str], dict[str, object]] = field(default_factory=dict)
    conflicts: int = 0
    sizes: list[int] = field(default_factory=list)
    """Documents of each request that was read."""

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        path, _, query = request.target.partition("?")
        assert path == "/_bulk", path
        assert query == "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"
        assert request.headers["content-type"] == "application/x-ndjson"
        if len(request.body) > self.most_bytes:
            return response(413, b"too large")
        assert request.body.endswith(b"\n")
        lines = request.body.split(b"\n")[:-1]
        assert lines
        assert len(lines) % 2 == 0
        items = []
        for action, source in zip(lines[::2], lines[1::2], strict=True):
            items.append({"create": self._take(json.loads(action), json.loads(source))})
        self.sizes.append(len(items))
        errors = any("error" in item["create"] for item in items)
        body = {"errors": errors, "items": items} if errors else {"errors": False}
        return response(200, json.dumps(body).encode())

    def _take(
        self, action: dict[str, dict[str, str]], source: dict[str, object]
    ) -> dict[str, object]:
        ((kind, about),) = action.items()
        assert (kind, set(about)) == ("create", {"_index", "_id"})
        key = about["_index"], about["_id"]
        if key in self.stored:
            self.conflicts += 1
            return {"status": 409, "error": {"type": "version_conflict_engine_exception"}}
        status = self.verdict(source)
        if status != 201:
            return {"status": status, "error": {"type": "told so", "reason": "by the test"}}
        self.stored[key] = source
        return {"status": 201}
