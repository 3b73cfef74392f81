"""Which rules, labels and annotations mean what for one container. Pure.

Rules are laid over each other in their order, key by key; then come the container's own labels and
the annotations of its pod, under the same names:

    container-agent.logs/multiline: java,python     container-agent.logs/rate-lines: 500
    container-agent.logs/proxy.exclude: ^GET /      for one container of a pod alone

An annotation beats a label, and what names the container beats what does not. Either beats the
rules where it is about the form of the container's own lines. It cannot loosen what guards others:
of two rates and of two lengths the smaller counts, redaction only adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Final

from agent.container.container import Container
from agent.container.log_annotations import PREFIX
from agent.log_rules import ENDLESS, KINDS, LogRule
from agent.records import dataclass, replace

NOTHING: Final = LogRule()
_MATCHING: Final = ("container", "namespace", "pod", "image", "label")
_ADDED: Final = ("redact", "redact_own")
_SMALLER: Final = ("rate_lines", "rate_bytes", "max_line")
_LIMIT: Final = 10_000
"""Characters of one value that are looked at: Kubernetes' limit is 256 KiB for all annotations."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One container's settings."""

    rule: LogRule
    """Without what it matches. `NOTHING`: its lines are left alone."""
    problems: tuple[str, ...] = ()
    """Labels and annotations that are wrong, and were left out."""


def resolve(container: Container, rules: Iterable[LogRule], *, container_rules: bool) -> Resolved:
    """Find what is to be done with a container's lines. container_rules: whether its own labels
    and annotations are asked."""
    rule = NOTHING
    for over in rules:
        if matches(over, container):
            rule = _lay_over(rule, over)
    problems: list[str] = []
    if container_rules:
        for kind, name, key, value in _asked(container):
            try:
                asked = _from_text(key, value[:_LIMIT])
            except ValueError as error:
                problems.append(f"{kind} {name}: {error}")
            else:
                rule = _lay_over(_guarded(rule, asked), asked, without=_SMALLER)
    return Resolved(_without_words_for_nothing(rule), tuple(problems))


def matches(rule: LogRule, container: Container) -> bool:
    """Whether a rule is about this container."""
    name, equals, wanted = rule.label.partition("=")
    value = container.labels.get(name) if name else ""
    return (
        (
            not rule.container
            or fnmatchcase(container.container or container.name, rule.container)
            or fnmatchcase(container.id, rule.container)
        )
        and (not rule.namespace or fnmatchcase(container.namespace, rule.namespace))
        and (not rule.pod or fnmatchcase(container.pod, rule.pod))
        and (not rule.image or fnmatchcase(container.image, rule.image))
        and value is not None
        and (not equals or fnmatchcase(value, wanted))
    )


def _asked(container: Container) -> Iterator[tuple[str, str, str, str]]:
    """(what it is, its name, the key in the name, its value): what beats the others last."""
    own = container.container
    mine: list[tuple[str, str, str, str]] = []
    for kind, texts in (("label", container.labels), ("annotation", container.log_annotations)):
        for name, value in sorted(texts.items()):
            if not name.startswith(PREFIX):
                continue
            # A container of a pod of Podman's may have a dot in its name; no key has one.
            of, dot, key = name.removeprefix(PREFIX).rpartition(".")
            if not dot:
                yield kind, name, key, value
            elif not own:
                # Nobody would see that it does nothing.
                yield kind, name, f"{of}.{key}", value
            elif of == own:
                mine.append((kind, name, key, value))
    yield from mine


def _lay_over(rule: LogRule, over: LogRule, without: Iterable[str] = ()) -> LogRule:
    said: dict[str, object] = {}
    for field in fields(LogRule):
        value = getattr(over, field.name)
        if not value or field.name in _MATCHING or field.name in without:
            continue
        if field.name in _ADDED:
            value = tuple(dict.fromkeys((*getattr(rule, field.name), *value)))
        said[field.name] = value
    return _replaced(rule, said)


def _guarded(rule: LogRule, asked: LogRule) -> LogRule:
    """The smaller of what a rule and a label say."""
    said: dict[str, object] = {}
    for key in _SMALLER:
        values = [value for value in (getattr(rule, key), getattr(asked, key)) if value]
        if values:
            said[key] = min(values)
    return _replaced(rule, said)


def _without_words_for_nothing(rule: LogRule) -> LogRule:
    said: dict[str, object] = {}
    if "off" in rule.multiline:
        said["multiline"] = ()
    if rule.json == "off":
        said["json"] = ""
    if rule.level == "off":
        said["level"] = ""
    if rule.exclude == ("",):
        said["exclude"] = ()
    if rule.sample == 1:
        said["sample"] = 0.0
    for key in ("rate_lines", "rate_bytes"):
        if getattr(rule, key) >= ENDLESS:
            said[key] = 0.0
    if "all" in rule.redact:
        said["redact"] = KINDS
    rule = _replaced(rule, said)
    if not rule.sample:
        rule = replace(rule, sample_errors="")
    if not rule.rate_lines and not rule.rate_bytes:
        rule = replace(rule, rate_policy="")
    return rule


def _replaced(rule: LogRule, said: Mapping[str, object]) -> LogRule:
    # Values come from fields of the same name; replace() checks them once more.
    return replace(rule, **said)  # type: ignore[arg-type]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _from_text(key: str, text: str) -> LogRule:
    """The rule that one label or annotation is. Raises ValueError."""
    name = key.replace("-", "_")
    make = _BY_KEY.get(name)
    if make is None:
        known = ", ".join(sorted(name.replace("_", "-") for name in _BY_KEY))
        raise ValueError(f"is not one of {known}")
    return make(text)


def _choice(key: str, *known: str) -> Callable[[str], LogRule]:
    def make(text: str) -> LogRule:
        if text not in known:
            raise ValueError(f"{text!r} is not one of {', '.join(known)}")
        return _replaced(NOTHING, {key: text})

    return make


def _number(key: str, kind: type[int] | type[float]) -> Callable[[str], LogRule]:
    def make(text: str) -> LogRule:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"{text!r} is no number") from None
        return _replaced(NOTHING, {key: value})

    return make


_BY_KEY: Final[Mapping[str, Callable[[str], LogRule]]] = {
    "multiline": lambda text: LogRule(multiline=_words(text)),
    "multiline_start": lambda text: LogRule(multiline_start=text),
    "json": _choice("json", "nested", "flat", "off"),
    "level": _choice("level", "on", "off"),
    # One expression each: a comma may be part of it.
    "include": lambda text: LogRule(include=(text,)),
    "exclude": lambda text: LogRule(exclude=(text,)),
    "sample": _number("sample", float),
    "sample_errors": _choice("sample_errors", "keep", "sample"),
    "rate_lines": _number("rate_lines", float),
    "rate_bytes": _number("rate_bytes", float),
    "rate_policy": _choice("rate_policy", "block", "drop", "sample"),
    "redact": lambda text: LogRule(redact=_words(text)),
    "redact_own": lambda text: LogRule(redact_own=(text,)),
    "max_line": _number("max_line", int),
}
