"""An event as one JSON object on one line, for scripts. `schema_version` 1.

Always there: schema_version, time (Unix seconds, as in `agent top -o json`), event (found, started,
oom-killed, health, exited), name, title ("namespace/pod/container" in Kubernetes), namespace, pod,
container, kind (container, sandbox), runtime, id, image, labels, cgroup, nested_in (the id of the
container it is in), attempt. Text that is not known is "", anything else null.

With its event alone:
    health, found, started      health: none, starting, healthy, unhealthy; null: not told
    oom-killed                  oom_kills: processes killed since the last such event
    exited                      exit_code, exit_code_source (process, probe, runtime), signal,
                                reason (Completed, Error, OOMKilled, Unknown), run_seconds,
                                cpu_seconds, memory_peak_bytes, io_read_bytes, io_write_bytes,
                                oom_kills (of the whole run), final: whether the counters were
                                read after the end; they are null where they were not read at all
"""

from __future__ import annotations

import orjson

from agent import units
from agent.lifecycle.events import Counters, Event, Exit, What

SCHEMA_VERSION = 1


def document(event: Event) -> str:
    """One line, without the newline."""
    container = event.container
    fields: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "time": round(event.at, 3),
        "event": event.what.value,
        "name": container.name,
        "title": container.title,
        "namespace": container.namespace,
        "pod": container.pod,
        "container": container.container,
        "kind": container.kind.value,
        "runtime": container.runtime,
        "id": container.id,
        "image": container.image,
        "labels": dict(container.labels),
        "cgroup": event.cgroup.path,
        "nested_in": container.nested_in,
        "attempt": container.attempt,
    }
    if event.what in (What.FOUND, What.STARTED, What.HEALTH):
        fields["health"] = None if event.health is None else event.health.value
    elif event.what is What.OOM_KILLED:
        fields["oom_kills"] = event.oom_kills
    if event.exit is not None:
        fields |= exit_fields(event.exit)
    # A name may hold bytes that are no UTF-8: what a file system gave is not refused.
    return orjson.dumps(_clean(fields)).decode()


def exit_fields(end: Exit) -> dict[str, str | float | None]:
    """Those of an end."""
    used = end.counters or Counters()
    return {
        "exit_code": end.code,
        "exit_code_source": None if end.source is None else end.source.value,
        "signal": end.signal,
        "reason": end.reason.value,
        "run_seconds": None if end.ran is None else round(end.ran, 3),
        "cpu_seconds": None if used.cpu_usec is None else units.seconds(used.cpu_usec),
        "memory_peak_bytes": used.memory_peak,
        "io_read_bytes": used.read_bytes,
        "io_write_bytes": used.write_bytes,
        "oom_kills": used.oom_kills,
        "final": end.final,
    }


def _clean(value: object) -> object:
    """`value` with surrogates, which JSON cannot hold, replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value
