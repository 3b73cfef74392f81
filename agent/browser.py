"""The page for a browser, whose code is loaded when the first browser asks.

Most agents are scraped and never looked at: they do not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from agent.exchange import Request, Response
from agent.model import Snapshot

if TYPE_CHECKING:
    from agent.webpage.site import Site


class Browser:
    """What agent.server.MetricsServer serves under "/"."""

    def __init__(self, make: Callable[[], Site]) -> None:
        self._make = make
        self._site: Site | None = None

    def answer(self, request: Request) -> Response:
        """As `Site.answer`."""
        if self._site is None:
            self._site = self._make()
        return self._site.answer(request)


def browser(
    hostname: str,
    fresh: Callable[[], Snapshot],
    window: Callable[[], Sequence[Snapshot]],
    *,
    local: bool,
    history: str,
    lacking: Callable[[], Sequence[str]],
) -> Browser:
    """The arguments are `Site`'s."""

    def make() -> Site:
        from agent.webpage.site import Site

        return Site(hostname, fresh, window, local=local, history=history, lacking=lacking)

    return Browser(make)
