"""Where this process finds a path that a runtime wrote down, and what becomes of a failure there.

A path is looked for as the host names it, then as the supervisor's mount namespace does: that is
how a runtime inside a container (kind, Docker in Docker) is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from agent.config import HostPaths
from agent.container.failures import READ_FAILURES, Failures
from agent.container.supervisor import Supervisor

P = TypeVar("P")
T = TypeVar("T")


class Places:
    """The host's files as this process sees them."""

    def __init__(self, paths: HostPaths, failures: Failures) -> None:
        self.paths = paths
        self.subject = ""
        """What is being looked at: failures are noted under it."""
        self._failures = failures

    def views(self, path: str, supervisor: Supervisor | None) -> Iterator[str]:
        """Where `path` may be found, best first; nowhere if it is not absolute."""
        if path.startswith("/"):
            yield self.paths.host(path)
            if supervisor is not None:
                yield f"{self.paths.proc}/{supervisor.pid}/root{path}"

    def read(
        self, path: str, supervisor: Supervisor | None, read: Callable[[str], T | None]
    ) -> T | None:
        """`read` at the first view of `path` that has an answer; raises like `first`."""
        return first(self.views(path, supervisor), read)

    def add(
        self, path: str, supervisor: Supervisor | None, read: Callable[[str], T | None]
    ) -> T | None:
        """Like `read`, for what only adds to an answer: a failure is noted and gives None."""
        try:
            return self.read(path, supervisor, read)
        except READ_FAILURES as error:
            self.note(error)
            return None

    def note(self, error: Exception) -> None:
        """Report what does not keep the answer from being given."""
        self._failures.add(self.subject, error)


def first(places: Iterable[P], read: Callable[[P], T | None]) -> T | None:
    """The first answer that is not None. Where there is none, the first failure is raised."""
    failure: Exception | None = None
    for place in places:
        try:
            value = read(place)
        except READ_FAILURES as error:
            failure = failure or error
            continue
        if value is not None:
            return value
    if failure is not None:
        raise failure
    return None
