"""The committed objects are what their sources give, and hold nothing of the machine they were
built on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.bpf.bcc_child import with_headers
from agent.bpf.probeset import DIRECTORY, ProbeSet
from agent.bpf.registry import KINDS

PROBES = Path(DIRECTORY)
SETS = [kind.programs for kind in KINDS]
PACKETS = {"cgroup_ingress": "ingress", "cgroup_egress": "egress"}
OBJECTS = sorted(PROBES.glob("*.bpf.o"))
COMPILERS = ("clang-14", "llvm-strip-14")
BUILT_WITH = "14.0.6"


def ids(value: ProbeSet | Path) -> str:
    return value.name


def test_every_source_has_its_object_and_every_probe_a_source() -> None:
    names = {path.name.removesuffix(".bpf.c") for path in PROBES.glob("*.bpf.c")}
    assert names == {path.name.removesuffix(".bpf.o") for path in OBJECTS}
    # The sweep counts nothing: it is no probe.
    assert names - {"sweep"} == {probe.name for probe in SETS}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All objects, made anew."""
    for tool in COMPILERS:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    version = subprocess.run(["clang-14", "--version"], capture_output=True, text=True, check=True)
    if BUILT_WITH not in version.stdout:
        pytest.skip(f"clang-14 is not {BUILT_WITH}: {version.stdout.splitlines()[0]}")
    # From another directory, so that a path in the object would show as a difference.
    sources = tmp_path_factory.mktemp("sources") / "elsewhere"
    shutil.copytree(PROBES, sources, ignore=shutil.ignore_patterns("*.o"))
    built = tmp_path_factory.mktemp("built")
    subprocess.run([sources / "build", built], check=True)
    return built


@pytest.mark.parametrize("committed", OBJECTS, ids=ids)
def test_the_object_is_byte_for_byte_what_the_source_gives(committed: Path, built: Path) -> None:
    assert (built / committed.name).read_bytes() == committed.read_bytes(), "run make bpf"


@pytest.mark.parametrize("committed", OBJECTS, ids=ids)
def test_the_object_is_small_and_names_no_path(committed: Path) -> None:
    image = committed.read_bytes()
    assert len(image) < 32_768
    paths = [text for text in re.findall(rb"[\x20-\x7e]{4,}", image) if text.startswith(b"/")]
    assert paths == []


@pytest.mark.parametrize("probe", SETS, ids=ids)
def test_the_source_has_the_programs_and_maps_the_agent_names(probe: ProbeSet) -> None:
    text = with_headers(probe.source_path, DIRECTORY)
    found = re.findall(r"^(PROGRAM|PACKETS|SAMPLER)\((?:(\w+), )?(\w+)\)\n\{", text, re.MULTILINE)
    assert found == [
        (
            {"tracepoint": "PROGRAM", "perf_event": "SAMPLER"}.get(each.kind, "PACKETS"),
            each.tracepoint or PACKETS.get(each.kind, ""),
            each.name,
        )
        for each in probe.programs
    ]
    kinds = r"\w*HASH|\w*ARRAY|MAPPED|RING"
    maps = re.findall(rf"^({kinds})\((\w+), (?:.*, )?(\w+)\);$", text, re.MULTILINE)
    assert {name for _, name, _ in maps} == set(probe.maps)
    assert probe.per_cgroup.keys() <= set(probe.maps)
    assert set(probe.per_cpu) == {name for kind, name, _ in maps if kind == "MAPPED"}
