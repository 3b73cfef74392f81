"""Looks at the directories of scans and of verifications, in the background.

`current` is one frozen value, replaced as a whole: whoever samples takes it without waiting.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Final

from agent.security.reports.directory import ReportDirectory
from agent.security.reports.images import Images
from agent.security.reports.report import ImageReport
from agent.security.reports.verifications import Verifications, read_verifications

log = logging.getLogger(__name__)

EVERY: Final = 30.0
"""Seconds between two looks at the directories."""
_STOP: Final = 2.0


def combined(
    reports: Iterable[ImageReport] | None, verifications: Verifications, problems: tuple[str, ...]
) -> Images:
    """Join what the directories say. `reports` None: scans are not looked at."""
    scans: dict[str, ImageReport] = {}
    for report in sorted(reports or (), key=lambda report: report.scanned_at):
        scans.update(dict.fromkeys(report.image_ids | report.digests, report))
    return Images(
        scanning=reports is not None,
        scans=scans,
        verified=verifications.verified,
        problems=(*problems, *verifications.problems),
    )


class ImageWatcher:
    """Looks at the two directories each `EVERY` seconds, in a thread of its own."""

    def __init__(self, reports: str, verifications: str, every: float = EVERY) -> None:
        """Directories; "" for none. Nothing is read yet."""
        self._reports = ReportDirectory(reports) if reports else None
        self._verifications = verifications
        self._every = every
        self._current = Images()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="image reports", daemon=True)

    def current(self) -> Images:
        """The newest."""
        return self._current

    def look(self) -> None:
        """Look now. For the thread, or for whoever reads once without starting it."""
        reports: tuple[ImageReport, ...] | None = None
        problems: tuple[str, ...] = ()
        if self._reports is not None:
            self._reports.refresh()
            reports, problems = self._reports.reports(), self._reports.problems()
        verifications = (
            read_verifications(self._verifications)
            if self._verifications
            else Verifications({}, ())
        )
        self._current = combined(reports, verifications, problems)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it. A child that is still reading ends by itself when nobody takes its answers."""
        self._stop.set()
        self._thread.join(_STOP)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:  # the loop's edge: one bad look, not the thread
                log.exception("the image reports could not be read this time")
            self._stop.wait(self._every)
