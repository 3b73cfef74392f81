"""Which of several media types a client wants, by its Accept header (RFC 9110, section 12.5.1).

    application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1

The client's weights decide, and of equal weights the server's order. Of several ranges that match a
type the most specific one gives its weight: "text/plain;q=0, */*" takes anything but text/plain.

Parameters that a range asks for must be the type's own. Those that a type leaves open (Prometheus'
`escaping`, any `charset` of a type that has none) are the server's to choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.records import NamedTuple

_OPEN: Final = frozenset({"escaping", "charset"})
"""Parameters that do not tell types apart here: every page is UTF-8, and no name needs escaping."""


class MediaType(NamedTuple):
    """A media type the server can send."""

    type: str
    """In lower case: "text/plain"."""
    parameters: Mapping[str, str]


class _Range(NamedTuple):
    type: str
    parameters: Mapping[str, str]
    weight: float

    def precedence(self, offer: MediaType) -> int | None:
        """How specifically this range names `offer`; None: it does not."""
        if self.type == "*/*":
            return 0
        if self.type.endswith("/*"):
            return 1 if offer.type.startswith(self.type[:-1]) else None
        if self.type != offer.type:
            return None
        asked = {name: v for name, v in self.parameters.items() if name not in _OPEN}
        if any(offer.parameters.get(name) != value for name, value in asked.items()):
            return None
        return 2 + len(asked)


def choose(accept: str, offers: Sequence[MediaType]) -> int | None:
    """
    Return the place in `offers` of what the client likes most; None if it takes none of them.

    An empty header takes anything, so the first.
    """
    ranges = list(_ranges(accept))
    if not ranges:
        return 0
    weights = [_weight(offer, ranges) for offer in offers]
    best = max(weights, default=0.0)
    return weights.index(best) if best > 0 else None


def parse(media_type: str) -> MediaType:
    """Read "text/plain; version=0.0.4"."""
    first, *rest = _split(media_type, ";")
    return MediaType(first.strip().lower(), dict(_parameters(rest)))


def _weight(offer: MediaType, ranges: Iterable[_Range]) -> float:
    precedence, weight = -1, 0.0
    for found in ranges:
        here = found.precedence(offer)
        if here is not None and here > precedence:
            precedence, weight = here, found.weight
    return weight


def _ranges(accept: str) -> Iterable[_Range]:
    for item in _split(accept, ","):
        if not item.strip():
            continue
        media_type, parameters = parse(item)
        if media_type.count("/") != 1:
            continue  # not a media range: it can match nothing
        quality = dict(parameters)
        text = quality.pop("q", "1")
        try:
            weight = float(text)
        except ValueError:
            continue  # a weight nobody can read asks for nothing
        if 0 <= weight <= 1:
            yield _Range(media_type, quality, weight)


def _parameters(items: Iterable[str]) -> Iterable[tuple[str, str]]:
    for item in items:
        name, equals, value = item.partition("=")
        if equals:
            yield name.strip().lower(), value.strip().strip('"')


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that are not inside a quoted string."""
    if '"' not in text:
        return text.split(separator)
    parts, part, quoted, escaped = [], "", False, False
    for character in text:
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(part)
            part = ""
            continue
        part += character
    return [*parts, part]
