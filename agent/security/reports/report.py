"""What is kept of one scan of one image: how many vulnerabilities, how bad, whether fixable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

from agent.records import NamedTuple, dataclass

Severity = Literal["critical", "high", "medium", "low", "negligible", "unknown"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
_SAME: Final[Mapping[str, Severity]] = {"info": "negligible", "none": "negligible"}
"""CycloneDX's words that the others have none for."""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Kind(NamedTuple):
    """One row of the counts."""

    severity: Severity
    fixable: bool
    """Whether a version without it exists."""


@dataclass(frozen=True, slots=True)
class ImageReport:
    """One scan."""

    tool: str
    """trivy, grype, cyclonedx."""
    image_ids: frozenset[str]
    """Config digests, "sha256:…": the same in every runtime."""
    digests: frozenset[str]
    """Digests of manifests, as in "name@sha256:…"."""
    counts: Mapping[Kind, int]
    """One for each vulnerable package; a kind that is not here has none."""
    scanned_at: float
    """Unix seconds."""


class NoReport(ValueError):
    """A JSON file that is no scan of an image, in words."""


def severity(word: str) -> Severity:
    """Any tool's word for it; one that nobody knows is "unknown"."""
    word = word.lower()
    if word in _SAME:
        return _SAME[word]
    return next((known for known in SEVERITIES if known == word), "unknown")


def worst(words: Iterable[str]) -> Severity:
    """The worst of several ratings; "unknown" only if nobody rated it."""
    rated = {severity(word) for word in words}
    return next((known for known in SEVERITIES if known in rated), "unknown")


def count(found: Iterable[tuple[Severity, bool]]) -> dict[Kind, int]:
    """Count (severity, fixable) pairs."""
    return dict(Counter(Kind(how_bad, fixable) for how_bad, fixable in found))


def digests(texts: Iterable[str]) -> frozenset[str]:
    """The sha256 digests in any of `texts`: "name@sha256:…", "pkg:oci/x@sha256%3A…"."""
    return frozenset(
        match for text in texts for match in _DIGEST.findall(text.replace("%3A", ":").lower())
    )
