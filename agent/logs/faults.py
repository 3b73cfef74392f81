"""The worker's own log: a sentence with structured fields; the same fault again is counted.

    2026-11-24T03:16:16Z warning A log file was truncated. destination='file /x.jsonl' bytes=17
    2026-11-24T03:17:16Z warning A log file was truncated. destination=… bytes=9 again=58

error    lines were lost, or somebody must help
warning  odd, and it goes on
info     start, stop, a fault that is over
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

from agent.records import dataclass

Level = Literal["error", "warning", "info"]

REPEAT_AFTER: Final = 60.0
"""Seconds. A fault that lasts is said once a minute, with how often it came."""
_MOST_KEYS: Final = 1000
"""Faults remembered at once; then the oldest is forgotten, and said again when it comes back."""


@dataclass(slots=True)
class _Seen:
    said_at: float
    silent: int = 0


class FaultLog:
    """Writes sentences to `write`; `clock` gives monotonic seconds, `wall` Unix seconds."""

    def __init__(
        self,
        write: Callable[[str], object],
        clock: Callable[[], float],
        wall: Callable[[], float],
        destination: str = "",
    ) -> None:
        """destination: whose worker says it, where there are several."""
        self.count = 0
        """Faults so far, said or not."""
        self._write = write
        self._clock = clock
        self._wall = wall
        self._always = {"destination": destination} if destination else {}
        self._seen: dict[str, _Seen] = {}

    def report(self, level: Level, key: str, sentence: str, **fields: object) -> None:
        """Say a fault, or only count it where the same `key` was said within a minute."""
        self.count += 1
        now = self._clock()
        seen = self._seen.get(key)
        if seen is not None and now - seen.said_at < REPEAT_AFTER:
            seen.silent += 1
            return
        if seen is not None and seen.silent:
            fields["again"] = seen.silent
        if seen is None and len(self._seen) >= _MOST_KEYS:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = _Seen(now)
        self._say(level, sentence, fields)

    def info(self, sentence: str, **fields: object) -> None:
        """Say something that is no fault."""
        self._say("info", sentence, fields)

    def over(self, key: str, sentence: str, **fields: object) -> None:
        """Say that a fault is over, if it had been said."""
        seen = self._seen.pop(key, None)
        if seen is not None:
            self._say("info", sentence, {**fields, "times": seen.silent + 1})

    def _say(self, level: Level, sentence: str, fields: dict[str, object]) -> None:
        stamp = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        pairs = "".join(
            f" {name}={_value(value)}" for name, value in {**self._always, **fields}.items()
        )
        self._write(f"{stamp} {level} {sentence}{pairs}\n")


def _value(value: object) -> str:
    """Quote what would not read as one word; a newline in a name cannot forge a line."""
    text = str(value)
    return repr(text) if not text.isprintable() or " " in text or not text else text
