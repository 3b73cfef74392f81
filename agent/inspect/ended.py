"""`agent inspect` of a container that does not run: what is kept of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from agent.encodable import escaped, visible
from agent.inspect.document import SCHEMA_VERSION, Json, container_of
from agent.inspect.page import events_of, section
from agent.inspect.text import NONE, NOT_KNOWN, moment
from agent.lifecycle.document import document as lifecycle_document
from agent.lifecycle.document import exit_fields
from agent.lifecycle.ended import Ended
from agent.lifecycle.events import Event
from agent.lifecycle.text import exit_text
from agent.units import human_duration


def page(ended: Ended, events: Sequence[Event] | None, now: float) -> str:
    """The whole page, ending in a newline. events: see `Details`; now: Unix seconds."""
    return "\n".join(
        (
            section(visible(ended.container.title), _identity(ended)),
            section("It does not run", _end(ended, now)),
            section("Starts and ends", events_of(events)),
            section(
                "Image",
                (
                    ("name", visible(ended.container.image) or NONE),
                    ("id", ended.container.image_id or NOT_KNOWN),
                ),
            ),
        )
    )


def _identity(ended: Ended) -> Iterator[tuple[str, str]]:
    container = ended.container
    yield "id", visible(container.id) or NONE
    yield "name", visible(container.name) or NONE
    yield "runtime", container.runtime or NOT_KNOWN
    if container.pod:
        pod = "/".join(part for part in (container.namespace, container.pod) if part)
        yield "pod", visible(f"{pod} ({container.pod_uid})" if container.pod_uid else pod)
    yield "log", visible(container.log_path) or NONE
    for key, value in sorted(container.labels.items()):
        yield "label", f"{visible(key)}={visible(value)}"


def _end(ended: Ended, now: float) -> Iterable[tuple[str, str]]:
    total, last = ended.total, ended.total.last
    yield "ended", moment(ended.at, now)
    if last is not None:
        yield "with", exit_text(last)
    yield "told by", visible(ended.source)
    counted = NOT_KNOWN if total.attempt is None else str(total.attempt)
    again = {True: ", its runtime starts it again", False: ", it is not started again"}
    yield "restarts", counted + ("" if ended.restarting is None else again[ended.restarting])
    if ended.pauses:
        lengths = ", ".join(map(human_duration, ended.pauses))
        yield "was down for", f"{lengths} before its latest starts"
    if len(total.exits) > 1 or sum(total.exits.values()) > 1:
        ends = ", ".join(f"{count} {reason.value}" for reason, count in total.exits.items())
        yield "its ends", ends


def document(ended: Ended, events: Sequence[Event] | None, now: float) -> str:
    """The JSON of one that runs, of which all that needs a process or a cgroup is null."""
    container, total = ended.container, ended.total
    assert total.last is not None
    body: Json = {
        "schema_version": SCHEMA_VERSION,
        "time": now,
        "title": escaped(container.title),
        "container": container_of(container),
        "cgroup": None,
        "process": None,
        "limits": [],
        "mounts": None,
        "events": None
        if events is None
        else [orjson.Fragment(lifecycle_document(event)) for event in events],
        "image": {"name": escaped(container.image), "id": container.image_id or None},
        "security": None,
        "unreadable": [],
        "ended": {
            "time": ended.at,
            **exit_fields(total.last),
            "restarts": total.attempt,
            "down_seconds_before": list(ended.pauses),
            "restarting": ended.restarting,
            "source": escaped(ended.source),
        },
    }
    return orjson.dumps(body).decode()
