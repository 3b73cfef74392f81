"""The closer look that `agent run` takes while something is wrong, so that the history has it.

    look = CloserLook(recent, record, sources)     a thread from `start` to `stop`

Each `EVERY` seconds it asks for the findings of now, and at containers with one of `RULES` looks as
`agent why` does: who uses the CPU, whom the OOM killer ended, what was printed last. The same
finding of the same container is looked at once in `AGAIN` seconds, and at most `MOST` in one look,
the worst first. What is seen is a `Note`, bounded, its log lines without secrets. Who took the CPU
is not asked here: the probe's windows are in the Snapshots. While nothing is wrong nothing is
imported, read or written.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final

from agent.diagnosis.finding import RuleId
from agent.diagnosis.note import Note
from agent.diagnosis.recent import Recent

if TYPE_CHECKING:
    from agent.diagnosis.diagnose import Diagnosis
    from agent.drilldown.evidence import Sources
    from agent.lifecycle.totals import Identity

log = logging.getLogger(__name__)

EVERY: Final = 15.0
AGAIN: Final = 60.0
MOST: Final = 16
_PATIENCE: Final = 1.0
RULES: Final[frozenset[RuleId]] = frozenset(
    {"cpu_throttled", "cpu_hog", "oom_killed", "crash_loop"}
)
"""At whose findings there is more to see than Snapshots of the daemon have."""
ALL_RULES: Final[frozenset[RuleId]] = RULES | {"cpu_starved"}
"""The same where no probe wrote into the Snapshots who takes the CPU."""


class CloserLook:
    """Owns its thread. `counts`: from any thread."""

    def __init__(
        self,
        recent: Recent,
        record: Callable[[Note], None],
        sources: Callable[[Collection[RuleId]], Sources],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`sources`: where to look for what these rules found, asked for once a look."""
        self._recent = recent
        self._record = record
        self._sources = sources
        self._clock = clock
        self._looked: dict[tuple[Identity, str], float] = {}
        self._counts = {"noted": 0, "failed": 0}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="closer-look", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it; a look that takes half a second for each container is not waited for."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def counts(self) -> Mapping[str, int]:
        """Notes that were made, and looks that failed."""
        return dict(self._counts)

    def look(self) -> None:
        """Once."""
        now = self._clock()
        self._looked = {key: at for key, at in self._looked.items() if 0 <= now - at < AGAIN}
        if not any(active.rule in RULES for active in self._recent.findings()):
            return
        diagnosis = self._due()
        if not diagnosis.verdicts:
            return
        from agent.drilldown.noting import notes_of, rules_of

        sources = self._sources(rules_of(diagnosis))
        notes = notes_of(diagnosis, self._recent.window()[-1], sources, now)
        for verdict in diagnosis.verdicts:
            for finding in verdict.findings:
                self._looked[verdict.identity, finding.rule] = now
        for note in notes:
            self._record(note)
            self._counts["noted"] += 1

    def _due(self) -> Diagnosis:
        """The worst of what was not looked at lately, with those findings alone."""
        from agent.diagnosis.diagnose import diagnose
        from agent.diagnosis.scene import scene_of
        from agent.drilldown.noting import looked_at

        diagnosis = diagnose(scene_of(self._recent.window()))
        return looked_at(diagnosis, self._looked, MOST)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self.look()
            except Exception:
                # The loop's edge: a look that failed costs what it would have told, not the next.
                self._counts["failed"] += 1
                log.warning("a closer look failed", exc_info=True)
