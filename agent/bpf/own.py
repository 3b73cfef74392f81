"""Probes of the user's own: NAME.toml says what the maps of NAME.c mean, and bcc compiles it here.

    [[program]]                            # a function of NAME.c
    name = "on_close"
    tracepoint = "sched_process_exit"      # a raw tracepoint; or hertz = 49, a sample of each CPU

    [[metric]]
    map = "counts"                         # a hash, also per CPU: key -> one u64
    name = "container_own_closes_total"
    help = "Files closed."
    type = "counter"                       # or "gauge"
    labels = ["kind:u32"]                  # what follows the cgroup's id, a u64, in the key
    scale = 1e-9                           # what the number is multiplied by, 1 if left out

`parse_own` is pure. Everything wrong is a BadProbe, which names the file and quotes the text.
"""

from __future__ import annotations

import re
import struct
import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Literal

from agent.bpf.addition import add
from agent.bpf.entries import Batches, entries
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program, Sampling
from agent.bpf.reading import Reading
from agent.records import dataclass

_WIDTHS: Final = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "s32": "i", "s64": "q"}
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC: Final = re.compile(r"container_[a-z0-9_]+")
_BASE: Final = frozenset(
    {"container", "pod", "namespace", "name", "image", "id", "le", "__name__", "job", "instance"}
)
_PER_CPU: Final = frozenset({5, 10})
"""BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH"""
_KEYS: Final = {
    "": {"program", "metric"},
    "program": {"name", "tracepoint", "hertz"},
    "metric": {"map", "name", "help", "type", "labels", "scale"},
}


class BadProbe(ValueError):
    """A file of probes.d is wrong. The message names it and quotes what is wrong."""


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """What one map means."""

    map: str
    name: str
    help: str
    type: Literal["counter", "gauge"]
    labels: tuple[tuple[str, str], ...] = ()
    """(name, type) of what follows the cgroup's id in the key, without a hole."""
    scale: float = 1.0

    @property
    def key(self) -> struct.Struct:
        """Of the map."""
        return struct.Struct("=Q" + "".join(_WIDTHS[width] for _, width in self.labels))


@dataclass(frozen=True, slots=True)
class OwnProbe:
    """One pair of files."""

    name: str
    source: str
    """Path of the C file."""
    programs: tuple[Program, ...]
    metrics: tuple[OwnMetric, ...]


@dataclass(frozen=True, slots=True)
class OwnCounts:
    """What an own probe counted in one cgroup."""

    probe: str
    values: Mapping[str, Mapping[tuple[int, ...], int]]
    """Name of the metric -> values of its labels -> number."""


def find_own(directory: str) -> tuple[OwnProbe, ...]:
    """Every NAME.toml of the directory. Raises BadProbe, and OSError where it cannot be read."""
    probes = []
    for path in sorted(Path(directory).iterdir()):
        if path.suffix == ".toml":
            source = path.with_suffix(".c")
            if not source.is_file():
                raise BadProbe(f"{path}: there is no {source.name} beside it")
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise BadProbe(f"{path}: {error}") from None
            probes.append(parse_own(str(path), str(source), text))
    names = [metric.name for probe in probes for metric in probe.metrics]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadProbe(f"{directory}: {twice[0]} is there twice")
    return tuple(probes)


def parse_own(path: str, source: str, text: str) -> OwnProbe:
    """Parse one file."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadProbe(f"{path}: this is not TOML: {error}") from None
    try:
        _known(table, "")
        programs = tuple(_program(each) for each in _tables(table, "program"))
        metrics = tuple(_metric(each) for each in _tables(table, "metric"))
    except BadProbe as error:
        raise BadProbe(f"{path}: {error}") from None
    return OwnProbe(Path(path).stem, source, programs, metrics)


def kind_of(probe: OwnProbe) -> Kind[OwnCounts]:
    """How it is loaded and read."""
    maps = tuple(dict.fromkeys(metric.map for metric in probe.metrics))
    return Kind(
        programs=ProbeSet(
            name=probe.name,
            programs=probe.programs,
            maps=maps,
            per_cgroup=dict.fromkeys(maps, 4),
            source=probe.source,
        ),
        counts=OwnCounts,
        read=partial(_read, probe),
        forget=partial(_forget, maps),
        add=_add,
        layout={metric.map: (metric.key.size, 8) for metric in probe.metrics},
    )


def decode_own(
    metric: OwnMetric, batches: Batches, cpus: int = 1
) -> dict[int, dict[tuple[int, ...], int]]:
    """Cgroup id -> values of the labels -> number; `cpus` values of each key are added up."""
    key, value = metric.key, struct.Struct(f"={cpus}Q")
    found: dict[int, dict[tuple[int, ...], int]] = {}
    for (cgroup, *labels), numbers in entries(batches, key, value):
        found.setdefault(cgroup, {})[tuple(labels)] = sum(numbers)
    return found


def _read(probe: OwnProbe, maps: Maps) -> Reading[OwnCounts]:
    by_cgroup: dict[int, dict[str, Mapping[tuple[int, ...], int]]] = {}
    for metric in probe.metrics:
        per_cpu = maps.type_of(metric.map) in _PER_CPU
        batches = maps.cpu_batches(metric.map) if per_cpu else maps.batches(metric.map)
        for cgroup, numbers in decode_own(metric, batches, maps.cpus if per_cpu else 1).items():
            by_cgroup.setdefault(cgroup, {})[metric.name] = numbers
    return Reading(
        {cgroup: OwnCounts(probe.name, values) for cgroup, values in by_cgroup.items()},
        OwnCounts(probe.name, {}),
    )


def _forget(names: Iterable[str], maps: Maps, ids: Collection[int]) -> None:
    for name in names:
        maps.delete_cgroups(name, ids)


def _add(one: OwnCounts, other: OwnCounts) -> OwnCounts:
    return OwnCounts(one.probe, add(one.values, other.values))


def _tables(table: Mapping[str, object], name: str) -> list[dict[str, object]]:
    found = table.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(e, dict) for e in found):
        raise BadProbe(f"there is no [[{name}]]")
    for each in found:
        _known(each, name)
    return found


def _known(table: Mapping[str, object], where: str) -> None:
    if unknown := sorted(table.keys() - _KEYS[where]):
        there = ", ".join(sorted(_KEYS[where]))
        inside = f" in [[{where}]]" if where else ""
        raise BadProbe(f"unknown key {unknown[0]!r}{inside}; there are {there}")


def _text(table: Mapping[str, object], key: str, pattern: re.Pattern[str] = _NAME) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadProbe(f"{key} = {value!r}: must be like {pattern.pattern}")
    return value


def _program(table: Mapping[str, object]) -> Program:
    name = _text(table, "name")
    hertz = table.get("hertz")
    if hertz is None:
        return Program(name=name, feature=name, tracepoint=_text(table, "tracepoint"))
    if not isinstance(hertz, int) or isinstance(hertz, bool) or not 1 <= hertz <= 1000:
        raise BadProbe(f"hertz = {hertz!r}: must be a whole number from 1 to 1000")
    if "tracepoint" in table:
        raise BadProbe(f"program {name!r} has both a tracepoint and hertz")
    sampling = Sampling("cpu-clock", hertz=hertz)
    return Program(name=name, feature=name, kind="perf_event", sampling=sampling)


def _metric(table: Mapping[str, object]) -> OwnMetric:
    name = _text(table, "name", _METRIC)
    text, kind = table.get("help"), table.get("type")
    if not isinstance(text, str) or not text or "\n" in text:
        raise BadProbe(f"help = {text!r}: must be one line of text")
    if kind == "counter":
        if not name.endswith("_total"):
            raise BadProbe(f"name = {name!r}: a counter's name ends in _total")
    elif kind != "gauge":
        raise BadProbe(f"type = {kind!r}: must be counter or gauge")
    scale = table.get("scale", 1.0)
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < 1e18:
        raise BadProbe(f"scale = {scale!r}: must be a number above 0")
    labels = table.get("labels", [])
    if not isinstance(labels, list):
        raise BadProbe(f"labels = {labels!r}: must be a list")
    return OwnMetric(
        _text(table, "map"),
        name,
        text,
        "counter" if kind == "counter" else "gauge",
        tuple(_label(each) for each in labels),
        float(scale),
    )


def _label(label: object) -> tuple[str, str]:
    name, _, width = label.partition(":") if isinstance(label, str) else ("", "", "")
    if not _NAME.fullmatch(name) or name in _BASE or width not in _WIDTHS:
        raise BadProbe(
            f"labels: {label!r} must be NAME:TYPE, TYPE one of {', '.join(_WIDTHS)}, and NAME not"
            " one that every series has"
        )
    return name, width
