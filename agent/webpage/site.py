"""What the server answers under "/": the host as a page for a browser.

Promises
    - of now: the host is read again where the last reading is older than a second;
    - nothing but what /metrics and `agent why` tell: no environment, no command line, no log;
    - where the agent listens on the loopback alone, only a request to a loopback name is answered:
      a web site that points its own name at 127.0.0.1 (DNS rebinding) reads nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from html import escape

from agent.diagnosis.diagnose import Diagnosis, Verdict
from agent.diagnosis.finding import Severity
from agent.exchange import Request, Response, elsewhere
from agent.model import Snapshot
from agent.records import dataclass
from agent.selection.fields import NoSuchField
from agent.top.columns import find_column
from agent.top.frame import Frame, judge, make_frame
from agent.top.prompt import filter_mistake
from agent.top.row import Row
from agent.top.rows import arrange, select, single
from agent.webpage.detail import FIELDS, Choice, detail, minute
from agent.webpage.header import degraded, filter_form, footer, header
from agent.webpage.html import Parts, page, policy
from agent.webpage.past import Past, past
from agent.webpage.request import DEFAULT_SORT, LENGTHS, View, parse_view
from agent.webpage.table import table
from agent.webpage.timeline import RANGES, Timelines

_HTML = "text/html; charset=utf-8"
_SPARK = 60.0
"""Seconds in a sparkline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is made once of each Snapshot, for everybody who looks at it."""

    snapshot: Snapshot
    diagnosis: Diagnosis
    frame: Frame
    past: Past


class Site:
    """The page of one host. Thread-safe."""

    def __init__(
        self,
        hostname: str,
        fresh: Callable[[], Snapshot],
        window: Callable[[], Sequence[Snapshot]],
        *,
        local: bool,
        history: str = "",
        lacking: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """
        `fresh`: the host as it is now. `window`: the Snapshots of the last minutes, oldest first,
        the newest of `fresh` among them. `local`: it is served on the loopback alone.
        `history`: its directory; "" for none. `lacking`: see `Pages` of agent.server.
        """
        self._hostname = hostname
        self._fresh = fresh
        self._window = window
        self._local = local
        self._lacking = lacking
        self._timelines = Timelines(history, FIELDS)
        self._lock = threading.Lock()
        self._last: _Look | None = None

    def answer(self, request: Request) -> Response:
        """The page, or a part of it."""
        if self._local and (refused := elsewhere(request)):
            return refused
        view = parse_view(request.query)
        look = self._look()
        headers = (
            ("ETag", tag := f'"{look.snapshot.taken_at:.6f}"'),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", policy()),
            ("Referrer-Policy", "no-referrer"),
        )
        if view.part and request.known == tag:
            return Response("304 Not Modified", _HTML, (), headers=headers)
        parts = self._parts(view, look)
        body = parts.markup().encode() if view.part else page(self._hostname, parts)
        return Response("200 OK", _HTML, (body,), gzip=True, varies=True, headers=headers)

    def _look(self) -> _Look:
        with self._lock:
            snapshot = self._fresh()
            if self._last is None or self._last.snapshot is not snapshot:
                self._last = _make(snapshot, self._window())
            return self._last

    def _parts(self, view: View, look: _Look) -> Parts:
        containers = sum(item.is_container for item in look.frame.items)
        ill = sum(
            verdict.severity is not None and verdict.severity >= Severity.WARNING
            for verdict in look.diagnosis.verdicts
        )
        head = header(self._hostname, look.frame.host, ill=ill, containers=containers)
        head += degraded(self._lacking())
        verdict = _verdict(look.diagnosis, view.container)
        if verdict is not None and verdict.subject is not None:
            return Parts(head, "", self._detail(verdict, look, view))
        gone = "" if view.container is None else '<p class="warning">This container has ended.</p>'
        mistake = filter_mistake(view.filter)
        said = "" if mistake is None else f'<p class="warning">filter: {escape(mistake)}</p>'
        rows = _rows(look.frame, view)
        total = len(look.frame.items) if view.everything else containers
        shown = table(rows, look.past, view)
        return Parts(
            head,
            filter_form(view),
            f'{gone}{said}<p class="faint">{len(rows)} of {total} shown</p>'
            f'<div class="scroll">{shown}</div>{footer(rows, look.snapshot.health)}',
        )

    def _detail(self, verdict: Verdict, look: _Look, view: View) -> str:
        assert verdict.subject is not None
        asked, timeline, choices = view.range or "1h", None, []
        hour = self._timelines.of(verdict.identity, "1h")
        if hour is not None:
            if asked in RANGES:
                timeline = hour if asked == "1h" else self._timelines.of(verdict.identity, asked)
            chosen = "1m" if timeline is None else asked
            choices = [Choice(n, view.link(range=n), n == chosen) for n in LENGTHS]
        return detail(
            verdict,
            timeline or minute(look.past.get(verdict.subject.usage.cgroup.inode, ())),
            back=view.link(container=None),
            wall_time=look.snapshot.wall_time,
            choices=choices,
        )


def _make(snapshot: Snapshot, window: Sequence[Snapshot]) -> _Look:
    recent = [each for each in window if snapshot.taken_at - each.taken_at <= _SPARK] or [snapshot]
    before = recent[-2] if len(recent) > 1 else None
    judgement = judge(recent)
    return _Look(
        snapshot=snapshot,
        diagnosis=judgement.diagnosis,
        frame=make_frame(before, snapshot, hostname="", delay=0.0, judgement=judgement),
        past=past(recent),
    )


def _rows(frame: Frame, view: View) -> list[Row]:
    try:
        column = find_column(view.sort)
    except NoSuchField:
        column = find_column(DEFAULT_SORT)
    items = select(frame.items, view.filter, everything=view.everything, faults=False)
    return arrange(map(single, items), column, reverse=view.reverse)


def _verdict(diagnosis: Diagnosis, inode: int | None) -> Verdict | None:
    for verdict in diagnosis.verdicts:
        if verdict.subject is not None and verdict.subject.usage.cgroup.inode == inode:
            return verdict
    return None
