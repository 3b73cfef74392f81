"""[[logs.processing]] What is done with the lines of which containers. Part of `agent.config`.

    [[logs.processing]]
    namespace = "shop"
    multiline = ["java"]
    redact = ["all"]

    [[logs.processing]]          # for some of them something else: later rules win, key by key
    namespace = "shop"
    container = "proxy-*"
    multiline = ["off"]
    exclude = ["^GET /healthz "]

A container asks for the same by labels or annotations, where the operator lets it (`[logs]
container_rules`):

    container-agent.logs/multiline: java,python
    container-agent.logs/exclude: ^GET /healthz

Without a rule, label or annotation nothing is done, and it costs nothing.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from agent.log_patterns import compile_any, compile_pattern
from agent.records import dataclass

LANGUAGES: Final = ("java", "python", "go", "ruby", "node")
"""Whose stack traces `multiline` knows."""
KINDS: Final = (
    *("bearer", "basic", "aws", "private-key", "token", "password", "url", "jwt", "card", "email"),
)
"""What `redact` knows."""
ENDLESS: Final = 1e15
"""A rate that is none: `inf`, which JSON has no word for."""
_KIND: Final = re.compile("[a-z][a-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class LogRule:
    """One rule. What is left out ("", 0, []) is not said: an earlier rule's word stays."""

    container: str = ""
    """Which containers: their names, "*" for anything. "" fits all, here and below."""
    namespace: str = ""
    pod: str = ""
    image: str = ""
    label: str = ""
    """"NAME" or "NAME=VALUE", with "*" in the value."""

    multiline: tuple[str, ...] = ()
    """Stack traces to join: java, python, go, ruby, node; ["off"] for none."""
    multiline_start: str = ""
    """Expression that fits the first line of each record; all others are joined to it."""
    json: Literal["", "off", "nested", "flat"] = ""
    """Read a line that is a JSON object: its members below `json`, or beside the other fields."""
    level: Literal["", "off", "on"] = ""
    """Add `level`: trace, debug, info, warning, error or fatal, where the line says it."""
    include: tuple[str, ...] = ()
    """Only lines that one of these fits."""
    exclude: tuple[str, ...] = ()
    """No line that one of these fits; [""] for none."""
    sample: float = 0.0
    """Share of the lines that is kept: 0.1 keeps a tenth, 1 all."""
    sample_errors: Literal["", "keep", "sample"] = ""
    """Lines of level error and fatal, when sampling: keep (the default) all of them, or not."""
    rate_lines: float = 0.0
    """Lines per second at most; ten seconds' worth may come at once. `inf`: no limit."""
    rate_bytes: float = 0.0
    """Bytes of their text per second, likewise."""
    rate_policy: Literal["", "block", "drop", "sample"] = ""
    """Over the rate: read later (the default: nothing is lost unless the runtime deletes it), drop,
    or drop nine of ten."""
    redact: tuple[str, ...] = ()
    """bearer, basic, aws, private-key, token, password, url, jwt, card, email, or ["all"]. What any
    rule asks for is done."""
    redact_own: tuple[str, ...] = ()
    """"NAME=EXPRESSION": what fits becomes [redacted:NAME]. Likewise of any rule."""
    max_line: int = 0
    """Bytes of a record's text; the rest is cut off, counted, and the record marked."""

    def __post_init__(self) -> None:
        _choices("multiline", self.multiline, (*LANGUAGES, "off"))
        _choices("redact", self.redact, (*KINDS, "all"))
        self._check_patterns()
        if not 0 <= self.sample <= 1:
            raise ValueError(f"sample = {self.sample}: must be from 0 to 1")
        for key in ("rate_lines", "rate_bytes"):
            if not getattr(self, key) >= 0:
                raise ValueError(f"{key} = {getattr(self, key)}: must be above 0")
        if self.max_line and self.max_line < 64:
            raise ValueError(f"max_line = {self.max_line}: must be at least 64")

    def _check_patterns(self) -> None:
        if self.multiline_start:
            _pattern("multiline_start", self.multiline_start)
        for key in ("include", "exclude"):
            texts = getattr(self, key)
            if texts == ("",) and key == "exclude":
                continue
            for text in texts:
                _pattern(key, text)
            try:
                compile_any(texts)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        for own in self.redact_own:
            name, equals, pattern = own.partition("=")
            if not equals or not _KIND.fullmatch(name):
                raise ValueError(f'redact_own: {own!r}: write "NAME=EXPRESSION"')
            if _pattern("redact_own", pattern).search(b""):
                raise ValueError(f"redact_own: {pattern!r}: fits the empty text")


def _choices(key: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        if value not in known:
            raise ValueError(f"{key}: {value!r} is not one of {', '.join(known)}")


def _pattern(key: str, text: str) -> re.Pattern[bytes]:
    try:
        return compile_pattern(text)
    except ValueError as error:
        raise ValueError(f"{key}: {text!r}: {error}") from None
