"""Chunks to Grafana Loki, by its push API.

    2xx                        delivered: in the ingesters' memory and write-ahead logs
    400                        what it names as ignored is refused for good and counted; it has kept
                               the rest. Too old, or too long, or a label it does not take
    400, structured metadata   again: that is a setting (structured_metadata = [] here, or
    is not allowed             allow_structured_metadata there), and no reason to lose lines
    413                        refused as above, unless chunk_bytes can be made smaller
    everything else            exporters/http.py

One request at a time: a Loki that takes entries of a stream only in the order of their times gets
them so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent.log_destinations import LokiDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, Rejected, RetryAfter
from exporters.backoff import Backoff
from exporters.http import HttpClient
from exporters.loki.push import StreamEncoder, ignored, push_body

_DISALLOWED = b"structured metadata, but this feature is disallowed"


class LokiClient:
    """A Destination (agent/logs/chunk.py) that is a Loki."""

    def __init__(self, config: LokiDestination) -> None:
        self._config = config
        headers = {"Content-Type": "application/json"}
        if config.tenant:
            headers["X-Scope-OrgID"] = config.tenant
        self._http = HttpClient([config.url], config, gzip=config.gzip, headers=headers, several=1)
        self._backoff = Backoff()

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one request, before gzip."""
        return self._config.chunk_bytes

    @property
    def connected(self) -> bool | None:
        """Whether the last request was answered."""
        return self._http.connected

    def encoder(self, fields: Mapping[str, str]) -> StreamEncoder:
        """The encoder of one container's entries."""
        config = self._config
        return StreamEncoder(
            fields,
            job=config.job,
            labels=config.labels,
            structured_metadata=config.structured_metadata,
            max_line_bytes=config.max_line_bytes,
        )

    async def send(self, chunk: Chunk) -> Outcome:
        """Push one chunk."""
        answer = await self._http.post(push_body(chunk.payload))
        if isinstance(answer, RetryAfter):
            return answer
        if 200 <= answer.status < 300:
            self._backoff.succeed()
            return Delivered()
        if answer.status == 400 and _DISALLOWED in answer.body:
            now = asyncio.get_running_loop().time()
            reason = f"{answer.in_words}; set structured_metadata = [] or allow it there"
            return RetryAfter(self._backoff.fail(now, reason), reason)
        refused = ignored(answer.body, chunk.records) if answer.status == 400 else chunk.records
        return Rejected(refused, answer.in_words)

    async def close(self) -> None:
        """Give up what is on its way."""
        await self._http.close()
