"""A container's log lines for keeping: redacted as its rules and labels ask of the log path, and as
`agent.redaction` does for every text that may be handed on.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent import redaction
from agent.container.container import Container
from agent.drilldown.last_lines import Redact
from agent.log_rules import KINDS, LogRule
from agent.logs.processing.redact import Redactor
from agent.logs.processing.settings import resolve


def redact_by(rules: Iterable[LogRule], *, container_rules: bool) -> Redact:
    """`[[logs.processing]]`, and whether the container's own labels are asked."""
    rules = tuple(rules)

    def redact(container: Container, lines: list[bytes]) -> list[bytes]:
        rule = resolve(container, rules, container_rules=container_rules).rule
        # A key's lines are known by its first alone.
        kinds = KINDS if "all" in rule.redact else (*rule.redact, "private-key")
        redactor = Redactor(kinds, rule.redact_own)
        found = redactor.redact([(0, "", line, None, False) for line in lines])
        return [_without_secrets(entry[2]) for entry in found]

    return redact


def _without_secrets(line: bytes) -> bytes:
    text = line.decode("utf-8", "surrogateescape")
    return redaction.text(text).encode("utf-8", "surrogateescape")
