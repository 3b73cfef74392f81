"""Docker's containers by its Engine API: an optional layer, where its files may not be read.

    GET /version                    which versions it speaks; ours are 1.24 to 1.51
    GET /vX/containers/json         what runs
    GET /vX/containers/ID/json      one: the same keys as config.v2.json and hostconfig.json
    GET /vX/events                  what happens from then on, a JSON object a line, and what
                                    happened since the list was asked for

Docs    https://docs.docker.com/reference/api/engine/

Nothing but GET is sent. Whoever may connect to the socket is root on the host all the same: the
files are the better source where they can be read, and are asked first.

Promise: what `get` returns is what the last event said, or the last list; an end stays known for
`KEEP` seconds, so that whoever asks for it is told. The environment of a container is in the
answers, and is dropped unread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from agent.container.container import Container
from agent.container.docker import parse_container
from agent.container.statefile import (
    Json,
    as_object,
    child,
    number,
    objects,
    parse_json,
    text,
    texts,
)
from agent.records import dataclass, replace
from agent.sources.client import Client, Refused
from agent.sources.follower import FIRST_WAIT, Follower

SOURCE: Final = "docker-api"
OLDEST: Final = (1, 24)
NEWEST: Final = (1, 51)
"""Versions of the API. What is asked for here is the same in all of them."""
KEEP: Final = 60.0
"""Seconds for which a removed container is remembered."""
MOST: Final = 10_000
"""Containers kept."""
_STATE_KEYS: Final = ("Running", "OOMKilled", "ExitCode", "Error", "StartedAt", "FinishedAt")
_LOOK_AGAIN: Final = frozenset({"create", "start", "restart", "rename", "update", "unpause"})


@dataclass(frozen=True, slots=True)
class Engine:
    """One container."""

    container: Container
    manifest: str
    """See `DockerContainer.manifest`."""
    record: Json
    """{"State": …} as in config.v2.json."""
    gone: float | None = None
    """Monotonic seconds of its removal."""


class DockerEngine:
    """Follows one Docker. `get` from any thread."""

    def __init__(
        self,
        socket: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        """socket: path of Docker's socket. Nothing is asked before `start`. See `Follower`."""
        self._client = Client(f"unix://{socket}")
        self._clock = clock
        self._known: dict[str, Engine] = {}
        self.follower = Follower(SOURCE, self._follow, self._client.abort, first_wait=first_wait)

    def start(self) -> None:
        """Begin to follow."""
        self.follower.start()

    def stop(self) -> None:
        """End it."""
        self.follower.stop()

    def get(self, id_: str) -> Engine | None:
        """One container by its whole id; None where Docker has said nothing of it."""
        return self._known.get(id_)

    def _follow(self) -> None:
        prefix = f"/v{negotiate(self._object('/version'))}"
        since = time.time()
        listed = objects({"all": self._json(f"{prefix}/containers/json")}, "all")
        ids = [id_ for item in listed if (id_ := text(item, "Id"))][:MOST]
        for id_ in self._known.keys() - set(ids):
            self._remove(id_)
        for id_ in ids:
            self._inspect(prefix, id_)
        self.follower.up = True
        filters = quote('{"type":["container"]}')
        target = f"{prefix}/events?since={since:.9f}&filters={filters}"
        for line in self._client.lines(target, quiet=None):
            self._happened(prefix, as_object(parse_json(line, target), target))

    def _happened(self, prefix: str, event: Json) -> None:
        actor = child(event, "Actor")
        id_, action = text(actor, "ID"), text(event, "Action")
        if not id_:
            return
        if action in _LOOK_AGAIN or action.startswith("health_status"):
            self._inspect(prefix, id_)
        elif action == "destroy":
            self._remove(id_)
        elif action in ("die", "oom") and (known := self._known.get(id_)) is not None:
            record = ended(known.record, event) if action == "die" else oom_killed(known.record)
            self._known[id_] = replace(known, record=record)
        self._forget()

    def _inspect(self, prefix: str, id_: str) -> None:
        try:
            found = self._object(f"{prefix}/containers/{quote(id_, safe='')}/json")
        except Refused as refused:
            if refused.status != 404:
                raise
            return  # removed meanwhile
        if id_ in self._known or len(self._known) < MOST:
            self._known[id_] = parse_inspected(found)

    def _remove(self, id_: str) -> None:
        known = self._known.get(id_)
        if known is not None and known.gone is None:
            self._known[id_] = replace(known, gone=self._clock())

    def _forget(self) -> None:
        before = self._clock() - KEEP
        old = [id_ for id_, known in self._known.items() if (known.gone or before) < before]
        for id_ in old:
            del self._known[id_]

    def _json(self, target: str) -> object:
        return parse_json(self._client.get(target), f"docker: {target}")

    def _object(self, target: str) -> Json:
        return as_object(self._json(target), f"docker: {target}")


def negotiate(versions: Json) -> str:
    """
    The newest version both speak, from the answer to /version. Raises ValueError where none is.

    Docker before 1.12 names no oldest version.
    """
    newest = _version(text(versions, "ApiVersion"))
    oldest = _version(text(versions, "MinAPIVersion") or "1.12")
    if newest is None or oldest is None:
        raise ValueError("the server names no API version: is it Docker?")
    chosen = min(newest, NEWEST)
    if chosen < max(oldest, OLDEST):
        raise ValueError(
            f"Docker speaks API {_dotted(oldest)} to {_dotted(newest)},"
            f" this agent {_dotted(OLDEST)} to {_dotted(NEWEST)}"
        )
    return _dotted(chosen)


def parse_inspected(found: Json) -> Engine:
    """Turn the answer to /containers/ID/json into what is kept. Raises `UnreadableState`."""
    config = {**found, "ID": text(found, "Id")}
    parsed = parse_container(config, child(found, "HostConfig"), "docker: a container")
    return Engine(
        replace(parsed.container, source=SOURCE),
        parsed.manifest,
        {"State": _state(child(found, "State"))},
    )


def ended(record: Json, event: Json) -> Json:
    """The record after the event "die", which knows the exit code before Docker writes it down."""
    code = texts(child(event, "Actor"), "Attributes").get("exitCode", "")
    nanoseconds = number(event, "timeNano")
    changes: dict[str, object] = {"Running": False}
    if code.isascii() and code.isdecimal():
        changes["ExitCode"] = int(code[:5])
    if nanoseconds is not None and 0 < nanoseconds < 1 << 63:
        changes["FinishedAt"] = datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()
    return {"State": {**child(record, "State"), **changes}}


def oom_killed(record: Json) -> Json:
    """The record after the event "oom"."""
    return {"State": {**child(record, "State"), "OOMKilled": True}}


def _state(state: Json) -> Json:
    kept: dict[str, object] = {key: state[key] for key in _STATE_KEYS if key in state}
    # The outputs of health checks are the container's own affair.
    kept["Health"] = {"Status": text(child(state, "Health"), "Status")}
    return kept


def _version(value: str) -> tuple[int, int] | None:
    major, _, minor = value.partition(".")
    if not (major.isascii() and major.isdecimal() and minor.isascii() and minor.isdecimal()):
        return None
    return int(major[:6]), int(minor[:6])


def _dotted(value: tuple[int, int]) -> str:
    return f"{value[0]}.{value[1]}"
