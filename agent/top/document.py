"""The JSON document of `agent top -o json`: one object a tick, one line each.

    {"schema_version": 1, "time": 1760000000.0, "window": 1.0, "host": {…}, "sources": [{…}],
     "cgroups": [{"name": "web", "container": {…}, "cgroup": {…}, …, "unknown": {…},
                  "trouble": 364.0, "findings": [{"rule": …, "severity": …, "summary": …}],
                  "counters": {…}}],
     "ended": [{"name": "job", "trouble": 389.1, "findings": […]}]}

Units are base units: seconds, bytes, cores, ratios (1.0 is all of it), and each "per second".

    - The fields of a cgroup are those of `agent.usage.Usage`, by the same names.
    - A value that is not known is null, and "unknown" holds the field's name and why: denied,
      unsupported, pending, inapplicable, damaged (`agent.usage.Unknown`).
    - A limit is null where not known, else {"limit": 2.0, "unlimited": false} or
      {"limit": null, "unlimited": true}. It is never a very large number.
    - "findings" are of the last minute, the worst first; "ended" are containers that are down and
      in trouble. `agent why -o json` has the evidence.
    - "counters" are raw, under the names the metrics page has for them without "container_". They
      are of the later reading, so they are what /metrics says of the same second.

`schema_version` grows when a field changes its meaning or goes; a new field does not change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

import orjson

from agent.cgroupfs.pressure import Stall
from agent.container.container import Container
from agent.encodable import escaped
from agent.kernelfile import Unlimited
from agent.model import Sample
from agent.selection.item import Item
from agent.top.frame import Frame
from agent.units import seconds
from agent.usage import LOOPBACK, Usage, working_set

SCHEMA_VERSION: Final = 1

Json = dict[str, "Json"] | list["Json"] | str | float | bool | None

_LIMITS: Final = ("cpu_limit_cores", "memory_limit", "pids_limit")
_RATES: Final = tuple(
    field.name
    for field in fields(Usage)
    if field.name not in ("sample", "unknown", "window", *_LIMITS)
)


def document(frame: Frame, items: Sequence[Item]) -> str:
    """One tick as one line of JSON, without the newline. `items` in the order wanted."""
    host = frame.host
    body: Json = {
        "schema_version": SCHEMA_VERSION,
        "time": frame.wall_time,
        "window": frame.window,
        "host": {
            "name": frame.hostname,
            **{field.name: getattr(host, field.name) for field in fields(host)},
        },
        "sources": [
            {
                "source": source.source,
                "seconds": source.seconds,
                "failures": source.failures,
                "message": source.message,
            }
            for source in frame.health
        ],
        "cgroups": [_cgroup(item, item.usage) for item in items if item.usage is not None],
        "ended": [
            {"name": escaped(item.title), **_wrong(item)} for item in items if item.usage is None
        ],
    }
    return orjson.dumps(body).decode()


def _cgroup(item: Item, usage: Usage) -> Json:
    body: dict[str, Json] = {
        "name": escaped(item.title),
        "container": _container(usage.container),
        "cgroup": {
            "inode": usage.cgroup.inode,
            "path": escaped(usage.cgroup.path),
            "created": usage.cgroup.created,
        },
        "window": usage.window,
    }
    body.update({name: getattr(usage, name) for name in _RATES})
    body.update({name: _limit(getattr(usage, name)) for name in _LIMITS})
    body["unknown"] = {name: why.value for name, why in usage.unknown.items()}
    body.update(_wrong(item))
    body["counters"] = _counters(usage.sample)
    return body


def _wrong(item: Item) -> dict[str, Json]:
    return {
        "trouble": item.trouble,
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity.word,
                "summary": escaped(finding.summary),
            }
            for finding in item.findings
        ],
    }


def _container(container: Container | None) -> Json:
    if container is None:
        return None
    return {
        "runtime": container.runtime,
        "id": container.id,
        "kind": container.kind.value,
        "name": container.name,
        "image": container.image,
        "container": container.container,
        "pod": container.pod,
        "namespace": container.namespace,
        "pod_uid": container.pod_uid,
        "labels": dict(container.labels),
    }


def _limit(limit: float | Unlimited | None) -> Json:
    if limit is None:
        return None
    unlimited = isinstance(limit, Unlimited)
    return {"limit": None if isinstance(limit, Unlimited) else limit, "unlimited": unlimited}


def _counters(sample: Sample) -> Json:
    reading = sample.reading
    cpu, memory, events = reading.cpu_stat, reading.memory_stat, reading.memory_events
    stalls: dict[str, Json] = {}
    for resource, pressure in (
        ("cpu", reading.cpu_pressure),
        ("memory", reading.memory_pressure),
        ("io", reading.io_pressure),
    ):
        waiting = f"pressure_{resource}_waiting_seconds_total"
        stalls[waiting] = _stalled(pressure.some if pressure else None)
        stalls[f"pressure_{resource}_stalled_seconds_total"] = _stalled(
            pressure.full if pressure else None
        )
    interfaces = sample.network and [each for each in sample.network if each.interface != LOOPBACK]
    devices = reading.io_stat
    return {
        "cpu_usage_seconds_total": _seconds(cpu and cpu.usage_usec),
        "cpu_user_seconds_total": _seconds(cpu and cpu.user_usec),
        "cpu_system_seconds_total": _seconds(cpu and cpu.system_usec),
        "cpu_cfs_periods_total": cpu and cpu.nr_periods,
        "cpu_cfs_throttled_periods_total": cpu and cpu.nr_throttled,
        "cpu_cfs_throttled_seconds_total": _seconds(cpu and cpu.throttled_usec),
        "memory_usage_bytes": reading.memory_current,
        "memory_working_set_bytes": working_set(reading),
        "memory_rss": memory and memory.anon,
        "memory_cache": memory and memory.file,
        "memory_max_usage_bytes": reading.memory_peak,
        "oom_events_total": events and events.oom_kill,
        **stalls,
        "network_receive_bytes_total": None
        if sample.network is None
        else sum(each.receive_bytes for each in interfaces or ()),
        "network_transmit_bytes_total": None
        if sample.network is None
        else sum(each.transmit_bytes for each in interfaces or ()),
        "fs_reads_bytes_total": None
        if devices is None
        else sum(each.rbytes for each in devices if each.rbytes is not None),
        "fs_writes_bytes_total": None
        if devices is None
        else sum(each.wbytes for each in devices if each.wbytes is not None),
        "threads": reading.pids_current,
    }


def _stalled(stall: Stall | None) -> float | None:
    return None if stall is None else seconds(stall.total_usec)


def _seconds(usec: int | None) -> float | None:
    return None if usec is None else seconds(usec)
