"""What rules do to one container's records, between the parser and the chunks.

    whole lines → multiline → include, exclude → sampling → rate → redaction → JSON, level → length

A container without rules has no stage at all. Every record that does not come out is counted in the
container's totals (stats.py): `filtered`, `sampled`, `throttled`; so lines read = lines joined into
records + those. The checkpoint moves past them like past any others, and never past a record that
is still open (`floor`). A line that was not in its file's format is not filtered or sampled.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from agent.log_patterns import LOOK, compile_any, compile_pattern
from agent.log_rules import LogRule
from agent.logs.entry import CUT, UNPARSED, Entry, Extra
from agent.logs.partial import Position
from agent.logs.processing.json_body import flat, nested, parse_body
from agent.logs.processing.level import WORST, level_of, level_of_value
from agent.logs.processing.multiline import Grammar, Multiline
from agent.logs.processing.rate import RateLimit, sampled
from agent.logs.processing.redact import Redactor
from agent.logs.stats import ContainerCounters
from agent.records import replace

_TAKEN: Final = frozenset(
    (
        *("log", "time", "timestamp", "stream", "note", "attrs", "level", "json", "host"),
        *("container_name", "container_id", "image", "namespace", "pod", "pod_uid", "runtime"),
        *("message", "tag", "labels", "offset"),
    )
)
"""What a record's own fields are called, here or by a destination."""
_LEVEL_KEYS: Final = ("level", "severity", "lvl", "log_level", "loglevel", "levelname")
_SAMPLE_OVER_RATE: Final = 0.1


class RuleStage:
    """The records of one container. Remembers open records, rates, keys being redacted."""

    def __init__(self, rule: LogRule, counters: ContainerCounters) -> None:
        self.rule = rule
        self.wait = 0.0
        """Seconds until more of the container may be read."""
        self._counters = counters
        grammar = _grammar(rule.multiline, rule.multiline_start)
        self._multiline = Multiline(grammar) if grammar is not None else None
        self._include = compile_any(rule.include)
        self._exclude = compile_any(rule.exclude)
        self._keep_errors = rule.sample_errors != "sample"
        limited = rule.rate_lines or rule.rate_bytes
        self._rate = RateLimit(rule.rate_lines, rule.rate_bytes) if limited else None
        redacts = rule.redact or rule.redact_own
        self._redactor = Redactor(rule.redact, rule.redact_own) if redacts else None
        self._cuts_only = replace(rule, max_line=0) == LogRule()
        self._left: list[Entry] = []
        self._left_floor: Position | None = None

    @property
    def floor(self) -> Position | None:
        """Where the oldest record begins that has not come out; None where none waits."""
        own = self._multiline.floor if self._multiline is not None else None
        if own is None or self._left_floor is None:
            return own or self._left_floor
        return min(own, self._left_floor)

    @property
    def needs_places(self) -> bool:
        """Whether `process` must be told where each line began."""
        return self._multiline is not None

    @property
    def untouched(self) -> int:
        """As `Stage`. A record has no more bytes than its line, whatever the format."""
        return self.rule.max_line if self._cuts_only and not self._left else 0

    def inherit(self, earlier: RuleStage) -> None:
        """Take the place of a stage with other rules: its open records come out first."""
        self._left_floor = earlier.floor
        self._left = earlier.finish()

    def process(self, entries: list[Entry], positions: list[Position], read_ns: int) -> list[Entry]:
        """Take whole lines, each with the place where it began; return what is to be delivered."""
        if self._multiline is not None:
            entries = self._multiline.feed(entries, positions)
        return self._done(entries, read_ns)

    def expire(self, now: float, read_ns: int) -> list[Entry]:
        """Return records for which no more lines came. To be called about once a second."""
        if self._multiline is None:
            return self._done([], read_ns) if self._left else []
        return self._done(self._multiline.expire(now), read_ns)

    def finish(self, read_ns: int = 0) -> list[Entry]:
        """Return every open record: no more lines will come."""
        return self._done(self._multiline.finish() if self._multiline is not None else [], read_ns)

    def _done(self, entries: list[Entry], read_ns: int) -> list[Entry]:
        rule = self.rule
        if entries and (self._include is not None or self._exclude is not None):
            entries = self._filtered(entries)
        if entries and rule.sample:
            entries = self._sampled(entries)
        if entries and self._rate is not None:
            entries = self._limited(entries, read_ns)
        if entries and self._redactor is not None:
            before = self._redactor.count
            entries = self._redactor.redact(entries)
            self._counters.redacted += self._redactor.count - before
        if entries and (rule.json or rule.level):
            entries = [self._described(entry) for entry in entries]
        if entries and rule.max_line:
            entries = [
                self._cut(entry) if len(entry[2]) > rule.max_line else entry for entry in entries
            ]
        if self._left:
            entries = self._left + entries
            self._left, self._left_floor = [], None
        return entries

    def _filtered(self, entries: list[Entry]) -> list[Entry]:
        kept = entries
        if self._include is not None:
            search = self._include.search
            kept = [entry for entry in kept if search(entry[2], 0, LOOK) or _is_raw(entry)]
        if self._exclude is not None:
            search = self._exclude.search
            kept = [entry for entry in kept if not search(entry[2], 0, LOOK) or _is_raw(entry)]
        self._counters.filtered += len(entries) - len(kept)
        return kept

    def _sampled(self, entries: list[Entry]) -> list[Entry]:
        share = self.rule.sample
        kept = [
            entry
            for entry in entries
            if sampled(entry, share)
            or _is_raw(entry)
            or (self._keep_errors and level_of(entry[2]) in WORST)
        ]
        self._counters.sampled += len(entries) - len(kept)
        return kept

    def _limited(self, entries: list[Entry], read_ns: int) -> list[Entry]:
        rate, policy = self._rate, self.rule.rate_policy
        if rate is None:
            return entries
        if policy not in ("drop", "sample"):
            self.wait = rate.charge(entries, read_ns)
            return entries
        kept = [
            entry
            for entry in entries
            if rate.admit(entry) or (policy == "sample" and sampled(entry, _SAMPLE_OVER_RATE))
        ]
        self._counters.throttled += len(entries) - len(kept)
        return kept

    def _described(self, entry: Entry) -> Entry:
        time_ns, stream, content, extra, partial = entry
        more: Extra = {}
        level: str | None = None
        body = parse_body(content) if self.rule.json else None
        if body is not None:
            more = nested(body) if self.rule.json == "nested" else flat(body, _TAKEN) or {}
        if self.rule.level:
            if body is not None:
                level = next(
                    (found for key in _LEVEL_KEYS if (found := level_of_value(body.get(key)))), None
                )
            level = level or level_of(content)
            if level is not None:
                more["level"] = level
        if not more:
            return entry
        return time_ns, stream, content, {**(extra or {}), **more}, partial

    def _cut(self, entry: Entry) -> Entry:
        """Cut at the end of a character; said by a note, counted like any line that is too long."""
        time_ns, stream, content, extra, partial = entry
        head = content[: self.rule.max_line].decode("utf-8", "ignore").encode()
        self._counters.lose("too_long", lost_bytes=len(content) - len(head), lines=1)
        return time_ns, stream, head, {**(extra or {}), "note": CUT}, partial


def _is_raw(entry: Entry) -> bool:
    extra = entry[3]
    return extra is not None and extra.get("note") == UNPARSED


@lru_cache(maxsize=256)
def _grammar(languages: tuple[str, ...], first_line: str) -> Grammar | None:
    if not languages and not first_line:
        return None
    return Grammar(languages, compile_pattern(first_line) if first_line else None)
