"""Chunks to an OTLP/HTTP endpoint, as JSON.

200                          delivered; what partialSuccess refuses is counted, never sent again
200 that is no answer        again
429, 502, 503, 504           again, not before Retry-After
401, 403, 404, 405, 3xx      again: the protocol says not to, but a token that has run out must
                             not cost a line
413                          in two halves, where the chunk holds more than one container's
                             batch
other 4xx and 5xx            refused for good and counted, as the protocol demands
no answer                    exporters/http.py
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

from agent.log_destinations import OtlpDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, Rejected, RetryAfter
from agent.records import dataclass
from exporters.backoff import Backoff
from exporters.http import HttpClient
from exporters.otlp.logs import (
    NotAnExportAnswer,
    RecordEncoder,
    export_body,
    items,
    rejected,
)


def is_retried(status: int) -> bool:
    """Whether the same request may be taken later."""
    return status in (401, 403, 404, 405, 429, 502, 503, 504) or status < 200 or 300 <= status < 400


@dataclass(slots=True)
class _Progress:
    """What became of a chunk so far."""

    left: list[bytes]
    refused: int = 0
    reason: str = ""


class OtlpClient:
    """A Destination (agent/logs/chunk.py) that is a collector."""

    def __init__(self, config: OtlpDestination) -> None:
        self._config = config
        self._http = HttpClient(
            [config.url],
            config,
            gzip=config.gzip,
            headers={"Content-Type": "application/json"},
            retried=is_retried,
        )
        self._backoff = Backoff()
        self._host = socket.gethostname()
        self._progress: dict[str, _Progress] = {}

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one request, before gzip."""
        return self._config.chunk_bytes

    @property
    def connected(self) -> bool | None:
        """Whether the last request was answered."""
        return self._http.connected

    def encoder(self, fields: Mapping[str, str]) -> RecordEncoder:
        """The encoder of one container's entries."""
        return RecordEncoder(fields, self._host)

    async def send(self, chunk: Chunk) -> Outcome:
        """Export one chunk."""
        progress = self._progress.pop(chunk.id, None) or _Progress([chunk.payload])
        while progress.left:
            retry = await self._export(progress.left[0], progress)
            if retry is not None:
                self._progress[chunk.id] = progress
                return retry
        self._backoff.succeed()
        if progress.refused:
            return Rejected(min(progress.refused, chunk.records), progress.reason)
        return Delivered()

    async def close(self) -> None:
        """Give up what is on its way."""
        await self._http.close()

    async def _export(self, payload: bytes, progress: _Progress) -> RetryAfter | None:
        """Export the first payload that is left; take it away when it is done with."""
        answer = await self._http.post(export_body(payload))
        if isinstance(answer, RetryAfter):
            return answer
        if 200 <= answer.status < 300:
            try:
                refused, reason = rejected(answer.body)
            except NotAnExportAnswer as error:
                now = asyncio.get_running_loop().time()
                return RetryAfter(self._backoff.fail(now, str(error)), str(error))
        else:
            whole = list(items(payload)) if answer.status == 413 else []
            if len(whole) > 1:
                middle = len(whole) // 2
                progress.left[:1] = [b"".join(whole[:middle]), b"".join(whole[middle:])]
                return None
            refused, reason = payload.count(b'{"timeUnixNano":"'), answer.in_words
        del progress.left[0]
        progress.refused += refused
        progress.reason = reason if refused else progress.reason
        return None
