"""The last minute's Snapshots, kept so that the daemon can say what is wrong right now.

    recent = Recent()
    recent.add(snapshot)           # each one that is taken
    recent.findings()              # of now; made anew once there are `AGAIN` seconds of news

Thread-safe. A Snapshot shares with its neighbours whatever did not change, so a minute of them
costs little more than one.
"""

from __future__ import annotations

import threading
from collections import deque
from math import inf
from typing import Final

from agent.model import Snapshot
from agent.records import NamedTuple

SECONDS: Final = 60.0
"""How far back is looked."""
STEP: Final = 8.0
"""Seconds between two that are kept, so that there are eight at most however often it is scraped:
each holds what changed, 1 KB a cgroup."""

AGAIN: Final = 8.0
"""Seconds for which findings stand. They are about a minute, and take a tenth of a scrape's CPU."""

LABELS: Final = ("namespace", "pod", "container", "name", "rule", "severity")


class Active(NamedTuple):
    """A finding as a series has it; the fields are `LABELS`."""

    namespace: str
    pod: str
    container: str
    name: str
    rule: str
    severity: str


class Recent:
    """Keeps Snapshots, and what they mean together."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._kept: deque[Snapshot] = deque()
        self._latest: Snapshot | None = None
        self._findings: tuple[Active, ...] = ()
        self._made_at = -inf
        """When the Snapshot was taken that `_findings` are about."""

    def add(self, snapshot: Snapshot) -> None:
        """Take the next one."""
        with self._lock:
            self._latest = snapshot
            if not self._kept or snapshot.taken_at - self._kept[-1].taken_at >= STEP:
                self._kept.append(snapshot)
            # One at least as old as asked for stays: rates are over the whole time.
            while len(self._kept) > 1 and self._age(1) >= self._seconds:
                self._kept.popleft()

    def window(self) -> tuple[Snapshot, ...]:
        """Those that are kept and the newest, oldest first; () before the first."""
        with self._lock:
            return self._window()

    def findings(self) -> tuple[Active, ...]:
        """What is wrong now, sorted; `AGAIN` seconds old at most, and one beat of the scrapes."""
        with self._lock:
            if self._latest is not None and self._latest.taken_at - self._made_at >= AGAIN:
                self._findings = self._diagnose()
                self._made_at = self._latest.taken_at
            return self._findings

    def _window(self) -> tuple[Snapshot, ...]:
        kept = tuple(self._kept)
        if self._latest is None or kept[-1] is self._latest:
            return kept
        return (*kept, self._latest)

    def _diagnose(self) -> tuple[Active, ...]:
        from agent.diagnosis.diagnose import diagnose
        from agent.diagnosis.scene import scene_of

        window = self._window()
        if not window:
            return ()
        found = set()
        for verdict in diagnose(scene_of(window)).verdicts:
            for finding in verdict.findings:
                found.add(Active(*verdict.identity, finding.rule, finding.severity.word))
        return tuple(sorted(found))

    def _age(self, place: int) -> float:
        assert self._latest is not None
        return self._latest.taken_at - self._kept[place].taken_at
