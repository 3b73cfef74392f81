"""Chunks to Graylog, by GELF over HTTP; and which of the three ways an address means.

http, https   each message is a request, answered with 202 when the input has it
              4xx: that message is refused for good and counted. Else: exporters/http.py
tcp, tls      tcp.py      udp   udp.py
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from agent.log_destinations import GraylogDestination
from agent.logs.chunk import Chunk, Delivered, Destination, Outcome, Rejected, RetryAfter
from exporters.graylog.gelf import GelfEncoder, messages
from exporters.graylog.tcp import GelfTcp
from exporters.graylog.udp import GelfUdp
from exporters.http import HttpClient

_SEVERAL = 8
"""Requests at once: each is one line, and takes as long as the server is away."""


def graylog(config: GraylogDestination) -> Destination:
    """Build the destination that the address's scheme names."""
    match urlsplit(config.url).scheme:
        case "udp":
            return GelfUdp(config)
        case "tcp" | "tls":
            return GelfTcp(config)
        case _:
            return GelfHttp(config)


class GelfHttp:
    """A Destination (agent/logs/chunk.py) that is a GELF HTTP input."""

    def __init__(self, config: GraylogDestination) -> None:
        self._config = config
        self._http = HttpClient(
            [config.url],
            config,
            gzip=config.gzip,
            headers={"Content-Type": "application/json"},
            several=_SEVERAL,
        )
        self._host = config.host_name or socket.gethostname()
        self._left: dict[str, tuple[list[bytes], int, str]] = {}
        """Chunk id → messages that are not delivered, how many were refused, and why."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk: some hundreds of messages."""
        return self._config.chunk_bytes

    @property
    def connected(self) -> bool | None:
        """Whether the last request was answered."""
        return self._http.connected

    def encoder(self, fields: Mapping[str, str]) -> GelfEncoder:
        """The encoder of one container's entries."""
        return GelfEncoder(fields, self._host)

    async def send(self, chunk: Chunk) -> Outcome:
        """Send every message of one chunk that the input does not have yet."""
        if self._config.bulk and chunk.id not in self._left:
            answer = await self._http.post(b"\n".join(messages(chunk.payload)))
            if isinstance(answer, RetryAfter):
                return answer
            if 200 <= answer.status < 300:
                return Delivered()
            # Too large, or one of them is refused: one by one, it is known which.
        if chunk.id in self._left:
            left, refused, reason = self._left.pop(chunk.id)
        else:
            left, refused, reason = messages(chunk.payload), 0, ""
        while left:
            some, later = left[:_SEVERAL], left[_SEVERAL:]
            answers = await asyncio.gather(*map(self._http.post, some))
            again = []
            retry: RetryAfter | None = None
            for message, answer in zip(some, answers, strict=True):
                if isinstance(answer, RetryAfter):
                    again.append(message)
                    retry = retry or answer
                elif not 200 <= answer.status < 300:
                    refused, reason = refused + 1, answer.in_words
            left = again + later
            if retry is not None:
                self._left[chunk.id] = (left, refused, reason)
                return retry
        return Rejected(refused, reason) if refused else Delivered()

    async def close(self) -> None:
        """Give up what is on its way."""
        await self._http.close()
