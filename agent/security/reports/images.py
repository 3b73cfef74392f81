"""What is known of images beside what runs: their scans and verifications, at one moment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from agent.records import dataclass, field
from agent.security.reports.report import ImageReport

_DIGEST: Final = re.compile(r"@(sha256:[0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class Images:
    """What the directories say."""

    scanning: bool = False
    """Whether there is a directory of scans, and it has been looked at."""
    scans: Mapping[str, ImageReport] = field(default_factory=dict)
    """Newest scan by image id and by digest."""
    verified: Mapping[str, bool] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What could not be read, in words, with its name."""

    def scan_of(self, image_id: str, image: str) -> ImageReport | None:
        """The newest scan of the image with this config digest, or else this reference's digest."""
        return self.scans.get(image_id) or self.scans.get(digest_of(image))

    def verification_of(self, image_id: str, image: str) -> bool | None:
        """Whether its signature was good. None: nobody tried."""
        for digest in (image_id, digest_of(image)):
            if digest in self.verified:
                return self.verified[digest]
        return None


def digest_of(image: str) -> str:
    """The digest in "name@sha256:…"; "" without one."""
    match = _DIGEST.search(image)
    return match[1] if match else ""
