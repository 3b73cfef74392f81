"""Chunks to Elasticsearch or OpenSearch, by the bulk API.

200, no errors             delivered: on the primary shard's translog and its replicas
200, with errors           each document for itself, as results.py says: stored; again, and only
                           they; or refused: sent at once without the fields that rules found in
                           it (refused_fields.py), and without success kept in the file of dead
                           letters and counted
200 with anything else     again
413                        in two halves; one document that is too large alone is refused
other 4xx                  the whole chunk is refused, as above
everything else            exporters/http.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from agent.log_destinations import ElasticsearchDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, Rejected, RetryAfter
from agent.records import dataclass, field
from exporters.backoff import Backoff
from exporters.elasticsearch.bulk import BulkEncoder, documents
from exporters.elasticsearch.dead_letters import DeadLetters
from exporters.elasticsearch.fields import FIELDS
from exporters.elasticsearch.refused_fields import is_without_fields, without_fields
from exporters.elasticsearch.results import NotABulkAnswer, Result, results
from exporters.http import HttpClient, token

_PATH = "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"


@dataclass(slots=True)
class _Progress:
    """What became of a chunk so far."""

    left: list[bytes]
    """Payloads that are not stored yet."""
    refused: int = 0
    reason: str = ""
    letters: list[tuple[bytes, Result]] = field(default_factory=list)
    bare: int = 0
    """Documents that were stored without the fields that were refused, or are on their way so."""
    why_bare: str = ""
    advanced: bool = False
    """Whether this try brought it forward."""


class BulkClient:
    """A Destination (agent/logs/chunk.py) that is a cluster."""

    def __init__(self, config: ElasticsearchDestination) -> None:
        self._config = config
        self._names = FIELDS[config.schema]
        self._kept = self._names.kept
        path = _PATH + (f"&pipeline={quote(config.pipeline, '')}" if config.pipeline else "")
        self._http = HttpClient(
            [url.rstrip("/") + path for url in config.urls],
            config,
            gzip=config.gzip,
            headers={"Content-Type": "application/x-ndjson"},
            headers_now=self._api_key,
        )
        self._backoff = Backoff()
        self._progress: dict[str, _Progress] = {}
        self._letters = (
            DeadLetters(config.dead_letters, config.dead_letters_max_bytes)
            if config.dead_letters
            else None
        )
        self._writing = asyncio.Lock()

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one request, before gzip."""
        return self._config.chunk_bytes

    @property
    def connected(self) -> bool | None:
        """Whether the last request was answered."""
        return self._http.connected

    def encoder(self, fields: Mapping[str, str]) -> BulkEncoder:
        """The encoder of one container's entries."""
        self._kept |= self._names.top(fields)
        return BulkEncoder(fields, self._config.index, self._names)

    async def send(self, chunk: Chunk) -> Outcome:
        """Store what is not stored yet of one chunk."""
        progress = self._progress.pop(chunk.id, None) or _Progress([chunk.payload])
        progress.advanced = False
        began = asyncio.get_running_loop().time()
        retry: RetryAfter | None = None
        again: list[bytes] = []
        while progress.left and retry is None:
            payload = progress.left.pop(0)
            outcome = await self._store(payload, progress)
            if isinstance(outcome, RetryAfter):
                retry = outcome
                again.append(payload)
            else:
                again += outcome
        if progress.letters:
            await self._keep(progress)
        if again or retry is not None:
            progress.left = [*again, *progress.left]
            self._progress[chunk.id] = progress
            return retry or self._later(progress, began)
        self._backoff.succeed(began)
        if progress.refused:
            return Rejected(progress.refused, progress.reason, progress.bare)
        return Delivered(progress.bare, progress.why_bare)

    async def close(self) -> None:
        """Give up what is on its way."""
        await self._http.close()
        if self._letters is not None:
            async with self._writing:
                self._letters.close()

    def _later(self, progress: _Progress, began: float) -> RetryAfter:
        """A cluster that takes a part of what it is sent is slow, and not away."""
        if progress.advanced:
            self._backoff.succeed(began)
        now = asyncio.get_running_loop().time()
        return RetryAfter(self._backoff.fail(now, progress.reason, began=began), progress.reason)

    async def _store(self, payload: bytes, progress: _Progress) -> list[bytes] | RetryAfter:
        """Send one request; return the payloads that are to be sent again."""
        answer = await self._http.post(payload)
        if isinstance(answer, RetryAfter):
            return answer
        if 200 <= answer.status < 300:
            try:
                return self._sort(payload, answer.body, progress)
            except NotABulkAnswer as error:
                now = asyncio.get_running_loop().time()
                return RetryAfter(self._backoff.fail(now, str(error)), str(error))
        whole = documents(payload)
        if answer.status == 413 and len(whole) > 1:
            middle = len(whole) // 2
            progress.left[:0] = [b"".join(whole[:middle]), b"".join(whole[middle:])]
            return []
        _refuse(progress, [(one, Result(answer.status, reason=answer.first_line)) for one in whole])
        return []

    def _sort(self, payload: bytes, body: bytes, progress: _Progress) -> list[bytes]:
        """What each document's result means; return what is to be sent again, later."""
        found = results(body, payload.count(b"\n") // 2)
        if found is None:
            progress.advanced = True
            return []
        again: list[tuple[bytes, Result]] = []
        bare: list[bytes] = []
        refused: list[tuple[bytes, Result]] = []
        for one, result in zip(documents(payload), found, strict=True):
            if result.stored:
                progress.advanced = True
            elif result.again:
                again.append((one, result))
            elif (without := without_fields(one, self._kept, result)) is not None:
                bare.append(without)
                progress.why_bare = result.in_words
            else:
                refused.append((one, result))
        _refuse(progress, refused)
        if bare:
            progress.bare += len(bare)
            progress.left.insert(0, b"".join(bare))
        if not again:
            return []
        if not progress.refused:
            progress.reason = again[0][1].in_words
        return [b"".join(one for one, _result in again)]

    async def _keep(self, progress: _Progress) -> None:
        letters, progress.letters = progress.letters, []
        if self._letters is None:
            return
        async with self._writing:
            try:
                await asyncio.to_thread(self._letters.keep, letters)
            except OSError as error:
                progress.reason += f"; not kept in {self._config.dead_letters}: {error}"

    def _api_key(self) -> Mapping[str, str]:
        path = self._config.api_key_file
        return {"Authorization": f"ApiKey {token(path)}"} if path else {}


def _refuse(progress: _Progress, letters: list[tuple[bytes, Result]]) -> None:
    if letters:
        progress.refused += len(letters)
        progress.bare -= sum(is_without_fields(document) for document, _result in letters)
        progress.letters += letters
        progress.reason = letters[0][1].in_words
