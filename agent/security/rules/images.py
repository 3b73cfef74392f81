"""The image reference: whether it says which image runs."""

from __future__ import annotations

import re

from agent.security.check import PASSED, Verdict, failed, fails_if, not_applicable, unknown
from agent.security.facts import Facts

_DIGEST = re.compile(r"(?:\A|@)sha(?:256|512):[0-9a-f]{64,128}\Z")
_ID = re.compile(r"[0-9a-f]{64}\Z")
_NO_IMAGE = "it was not made from a named image"


def is_pinned(image: str) -> bool:
    """Whether the reference is by digest ("name@sha256:…") or by the image's own id."""
    return _DIGEST.search(image) is not None or _ID.match(image) is not None


def image_tag_latest(facts: Facts) -> Verdict:
    image = facts.container.image
    if not image:
        return _without_name(facts)
    if is_pinned(image):
        return PASSED
    _, _, tag = image.rpartition("/")[2].partition(":")
    return failed(image if tag else f"{image}, without a tag") if tag in ("", "latest") else PASSED


def image_not_pinned(facts: Facts) -> Verdict:
    image = facts.container.image
    return fails_if(not is_pinned(image), image) if image else _without_name(facts)


def _without_name(facts: Facts) -> Verdict:
    if not facts.container.complete:
        return unknown("its runtime's record of it could not be read")
    return not_applicable(_NO_IMAGE)
