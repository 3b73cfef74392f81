"""The direction in which modules may import each other (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

NOUNS = frozenset({"agent.kernelfile", "agent.units", "agent.config"})
READERS = NOUNS | {"agent.cgroupfs", "agent.procfs", "agent.bpf"}
METRICS = READERS | {
    "agent.container",
    "agent.filesystem",
    "agent.lifecycle",
    "agent.model",
    "agent.security",
}

LOG_SECTIONS = frozenset({"agent.file_destination", "agent.log_destinations", "agent.log_rules"})
CHUNKS = frozenset({"agent.logs.chunk", "agent.logs.timestamps"})
HTTP = LOG_SECTIONS | CHUNKS | {"exporters.backoff", "exporters.http", "exporters.tls"}

MAY_IMPORT: dict[str, frozenset[str]] = {
    "agent.kernelfile": frozenset(),
    "agent.units": frozenset(),
    "agent.config": LOG_SECTIONS,
    "agent.file_destination": frozenset(),
    "agent.log_destinations": frozenset({"agent.file_destination"}),
    "agent.log_patterns": frozenset(),
    "agent.log_rules": frozenset({"agent.log_patterns"}),
    "agent.lean": frozenset(),
    "agent.first_use": frozenset(),
    "agent.named_tuple": frozenset({"agent.first_use"}),
    "agent.records": frozenset({"agent.first_use", "agent.named_tuple"}),
    "agent.faults": frozenset(),
    "agent.version": frozenset(),
    "agent.revision": frozenset(),
    "agent.plain_prometheus_client": frozenset({"agent.lean"}),
    "agent.plain_orjson": frozenset({"agent.lean"}),
    "agent.encodable": frozenset(),
    "agent.families": frozenset({"agent.plain_prometheus_client"}),
    "agent.own_process": frozenset({"agent.families", "agent.kernelfile", "agent.procfs"}),
    "agent.lacks": frozenset({"agent.bpf"}),
    "agent.probe_costs": frozenset({"agent.bpf", "agent.families"}),
    "agent.telemetry": frozenset(
        {"agent.families", "agent.own_process", "agent.revision", "agent.version"}
    ),
    "agent.accept": frozenset(),
    "agent.protobuf": frozenset(),
    "agent.compression": frozenset(),
    "agent.web": frozenset(),
    "agent.exchange": frozenset({"agent.config"}),
    "agent.server": frozenset({"agent.compression", "agent.plain_cheroot", "agent.exchange"}),
    "agent.plain_cheroot": frozenset({"agent.lean"}),
    "agent.malloc": frozenset(),
    "agent.garbage": frozenset(),
    "agent.child": frozenset(),
    "agent.demo": frozenset(),
    "agent.config_lines": frozenset(),
    "agent.completion": frozenset(),
    "agent.configfile": LOG_SECTIONS | {"agent.config", "agent.config_lines"},
    "agent.cgroupfs": frozenset({"agent.kernelfile"}),
    "agent.procfs": frozenset({"agent.kernelfile"}),
    "agent.bpf": frozenset({"agent.kernelfile"}),
    "agent.container": NOUNS | {"agent.cgroupfs", "agent.procfs", "agent.protobuf"},
    "agent.filesystem": NOUNS | {"agent.procfs"},
    "agent.security": NOUNS | {"agent.cgroupfs", "agent.procfs", "agent.container"},
    "agent.inotify": frozenset(),
    "agent.sources": NOUNS | {"agent.container", "agent.version"},
    "agent.lifecycle": NOUNS
    | {"agent.bpf", "agent.cgroupfs", "agent.procfs", "agent.container", "agent.inotify"},
    "agent.machine": NOUNS,
    "agent.pacing": frozenset(),
    "agent.netstack": NOUNS | {"agent.procfs", "agent.pacing"},
    "agent.processes": NOUNS | {"agent.cgroupfs", "agent.procfs", "agent.pacing"},
    "agent.model": READERS
    | {
        "agent.container",
        "agent.machine",
        "agent.filesystem",
        "agent.lifecycle",
        "agent.security",
        "agent.netstack",
        "agent.processes",
    },
    "agent.past": METRICS,
    "agent.history": METRICS
    | {"agent.diagnosis", "agent.machine", "agent.netstack", "agent.past", "agent.processes"}
    | {"agent.redaction"},
    "agent.redaction": frozenset({"agent.logs.processing"}),
    "agent.network": METRICS | {"agent.netstack"},
    "agent.attribution": READERS | {"agent.container"},
    "agent.host": METRICS | {"agent.machine"},
    "agent.sampler": METRICS
    | {"agent.attribution", "agent.host", "agent.network", "agent.processes", "agent.garbage"},
    "agent.sweep": READERS,
    "agent.trace": READERS | {"agent.container"},
    "agent.usage": METRICS,
    "agent.snapshots": METRICS,
    "agent.page": METRICS | {"agent.accept", "agent.snapshots", "agent.telemetry"},
    "agent.doctor": READERS,
    "agent.inspect": METRICS | {"agent.redaction"},
    "agent.listing": METRICS | {"agent.selection", "agent.top.width", "agent.usage"},
    "agent.dump": METRICS | {"agent.history.schema", "agent.usage"},
    "agent.top": METRICS | {"agent.past", "agent.usage", "agent.diagnosis", "agent.selection"},
    "agent.diagnosis": METRICS | {"agent.usage"},
    "agent.selection": METRICS | {"agent.usage", "agent.diagnosis"},
    "agent.webpage": METRICS
    | {"agent.usage", "agent.diagnosis", "agent.selection", "agent.top", "agent.exchange"}
    | {"agent.history", "agent.past"},
    "agent.fleet": METRICS
    | {"agent.diagnosis", "agent.netstack", "agent.processes", "agent.usage"}
    | {"agent.past", "agent.selection", "agent.top", "agent.history"},
    "agent.browser": METRICS | {"agent.exchange", "agent.webpage"},
    "agent.drilldown": METRICS
    | {"agent.diagnosis", "agent.logs", "agent.trace", "agent.bpf", "agent.usage"}
    | {"agent.log_rules", "agent.redaction"},
    "agent.logs": NOUNS
    | LOG_SECTIONS
    | {"agent.container", "agent.families", "agent.inotify", "agent.log_patterns"}
    | {"agent.protobuf"},
    "exporters.prometheus": METRICS
    | {"agent.families", "agent.telemetry", "agent.logs.stats", "agent.netstack", "agent.processes"}
    | {"agent.protobuf", "exporters.http"},
    "exporters.backoff": frozenset(),
    "exporters.tls": frozenset(),
    "exporters.http": frozenset(
        {"agent.logs.chunk", "agent.compression", "agent.version", "exporters.backoff"}
        | {"exporters.tls"}
    ),
    "exporters.fluentd": frozenset(
        {
            "agent.compression",
            "agent.log_destinations",
            "agent.logs.chunk",
            "agent.logs.timestamps",
            "exporters.backoff",
            "exporters.tls",
        }
    ),
    "exporters.elasticsearch": HTTP | {"agent.logs.entry", "exporters.file.rotated_file"},
    "exporters.graylog": HTTP | {"agent.logs.entry"},
    "exporters.loki": HTTP,
    "exporters.otlp": HTTP | {"agent.logs.entry"},
    "exporters.file": CHUNKS | {"agent.file_destination"},
    # Composition roots: they build the parts, so they know them all. Nobody imports them but cli.
    "agent.log_worker": frozenset({"agent", "exporters"}),
    "agent.parts": frozenset({"agent"}),
    "agent.look_sources": frozenset({"agent"}),
    "agent.serving": frozenset({"agent"}),
    "agent.api": METRICS | {"agent.exchange", "agent.history", "agent.web"},
    "agent.log_parts": frozenset({"agent"}),
    "agent.probe_parts": frozenset({"agent"}),
    "agent.daemon": frozenset({"agent", "exporters"}),
    "agent.cli": frozenset({"agent", "exporters", "dashboards"}),
    "agent.__main__": frozenset({"agent.cli"}),
}
"""Part → the parts it may import beside itself. The longest name that fits a module is its part."""

EVERYWHERE = frozenset({"agent.records", "agent.faults", "agent.encodable"})
"""How records are written, what the system refused is said, and text from outside is written: as a
part of the language."""

ONLY_FROM_CLI = ("agent.cli", "agent.__main__")


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(path.relative_to(ROOT).with_suffix("").parts), path)
        for package in ("agent", "exporters")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py"
    ]


def within(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")


def part_of(module: str) -> str | None:
    parts = [part for part in MAY_IMPORT if within(module, part)]
    return max(parts, key=len, default=None)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            for alias in node.names:
                name = f"{module}.{alias.name}"
                is_module = (ROOT / f"{name.replace('.', '/')}.py").exists()
                yield node.lineno, name if is_module else module


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_module_imports_only_what_its_part_may(module: str, path: Path) -> None:
    part = part_of(module)
    assert part is not None, f"{module} belongs to no part: add it to MAY_IMPORT"
    allowed = MAY_IMPORT[part] | EVERYWHERE | {part}
    for line, name in imports(path):
        if name.split(".")[0] not in ("agent", "exporters", "dashboards"):
            continue
        assert any(within(name, other) for other in allowed), (
            f"{path.relative_to(ROOT)}:{line}: {part} may not import {name}"
        )


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_nobody_but_the_command_line_imports_the_daemon(module: str, path: Path) -> None:
    if part_of(module) in ONLY_FROM_CLI or module == "agent.daemon":
        return
    for line, name in imports(path):
        assert name != "agent.daemon", f"{path}:{line}"


def test_no_module_is_past_500_lines() -> None:
    long = [name for name, path in modules() if len(path.read_text().splitlines()) > 500]
    assert long == []


def test_no_module_is_a_junk_drawer() -> None:
    names = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
    assert [name for name, _ in modules() if name.split(".")[-1] in names] == []
