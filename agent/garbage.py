"""Spares what lives long the collector's passes over everything.

Python's full collections look at every object there is, and come the more often the more a scrape
makes: with 1,600 cgroups a seventh of a scrape's CPU, with 50 nothing. What is known of a host
stays; once it is, it is put where the collector does not look, and again when the number of cgroups
has changed much. What a dead container leaves is freed all the same: only cycles need a collector.
"""

from __future__ import annotations

import gc


class Garbage:
    """Decides when. One for a process."""

    def __init__(self) -> None:
        self._settled_at = 0

    def settle(self, cgroups: int) -> bool:
        """
        Collect now and spare what is left, if `cgroups` are a quarter more or fewer; whether.

        Not while the collector is switched off: somebody waits for a first look.
        """
        if not gc.isenabled() or abs(cgroups - self._settled_at) <= self._settled_at // 4:
            return False
        self._settled_at = cgroups
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        return True
