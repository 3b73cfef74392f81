"""Which moment is looked at: now, or one of the past; and the steps from one to another.

The sampler goes on while a person looks at the past: nothing is missed, and going back to now is at
once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from agent.past import Past
from agent.records import replace
from agent.top.feed import Maker, Read
from agent.top.frame import Frame
from agent.top.past import earlier, later, nearest
from agent.top.view import View


class Looking(Generic[Read]):
    """Frames by the moment a View is at."""

    def __init__(
        self, past: Past, maker: Maker[Read], moment: Callable[[str], float] | None
    ) -> None:
        self._past = past
        self._maker = maker
        self._moment = moment
        self._kept: tuple[float, Frame] | None = None

    def frame(self, view: View, live: Frame | None) -> Frame | None:
        """The Frame of the view's moment; where it is no longer kept, the one seen last."""
        if view.at is None:
            self._kept = None
            return live
        if self._kept is None or self._kept[0] != view.at:
            found = self._maker.at(self._past, view.at)
            if found is not None:
                self._kept = view.at, found
        return live if self._kept is None else self._kept[1]

    def pause(self, view: View, live: Frame | None) -> View:
        """Stop at the moment shown, or go on."""
        if view.at is not None or live is None:
            return replace(view, at=None)
        return self._stop_at(view, live.wall_time)

    def step(self, view: View, live: Frame | None, *, back: bool) -> View:
        """One reading back, or on; from now, from the one that is shown."""
        if live is None:
            return view
        at = live.wall_time if view.at is None else view.at
        found = (earlier if back else later)(self._past, at)
        if found is None:
            edge = "the oldest reading kept" if back else "the newest reading"
            return replace(view, message=f"this is {edge}")
        return replace(view, at=found)

    def jump(self, view: View) -> View:
        """Where the prompt says. A mistake is said, and the prompt stays."""
        assert view.prompt is not None
        if self._moment is None or not view.prompt.text.strip():
            return replace(view, prompt=None)
        try:
            wanted = self._moment(view.prompt.text.strip())
        except ValueError as error:
            return replace(view, message=str(error))
        view = self._stop_at(replace(view, prompt=None), wanted)
        if view.at is not None and wanted < view.at:
            return replace(view, message="nothing is kept of that time: this is the oldest reading")
        return view

    def _stop_at(self, view: View, at: float) -> View:
        found = nearest(self._past, at)
        if found is None:
            return replace(view, message="nothing is kept of the past yet")
        return replace(view, at=found)
