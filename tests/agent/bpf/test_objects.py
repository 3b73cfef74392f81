"""The committed objects are what their sources give, and hold nothing of the machine they were
built on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.bpf.probeset import DIRECTORY, ProbeSet
from agent.bpf.registry import KINDS

PROBES = Path(DIRECTORY)
SETS = [kind.programs for kind in KINDS]
PACKETS = {"cgroup_skb/ingress": "cgroup_ingress", "cgroup_skb/egress": "cgroup_egress"}
OBJECTS = sorted(PROBES.glob("*.bpf.o"))
COMPILERS = ("clang-14", "llvm-strip-14")
BUILT_WITH = "14.0.6"


def ids(value: ProbeSet | Path) -> str:
    return value.name


def test_every_source_has_its_object_and_its_twin_for_bcc() -> None:
    names = {path.name.removesuffix(".bpf.c") for path in PROBES.glob("*.bpf.c")}
    assert names == {path.name.removesuffix(".bpf.o") for path in OBJECTS}
    twins = {path.name.removesuffix(".bcc.c") for path in PROBES.glob("*.bcc.c")}
    assert twins == {probe.name for probe in SETS if not portable(probe)}
    # The sweep counts nothing: it is no probe.
    assert names - {"sweep"} == {probe.name for probe in SETS}


def portable(probe: ProbeSet) -> bool:
    """One source serves both loaders."""
    return probe.source_path.endswith(".bpf.c")


@pytest.mark.parametrize("committed", OBJECTS, ids=ids)
def test_the_object_is_byte_for_byte_what_the_source_gives(committed: Path, tmp_path: Path) -> None:
    for tool in COMPILERS:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    version = subprocess.run(["clang-14", "--version"], capture_output=True, text=True, check=True)
    if BUILT_WITH not in version.stdout:
        pytest.skip(f"clang-14 is not {BUILT_WITH}: {version.stdout.splitlines()[0]}")
    # From another directory, so that a path in the object would show as a difference.
    sources = tmp_path / "elsewhere"
    shutil.copytree(PROBES, sources, ignore=shutil.ignore_patterns("*.o"))
    built = tmp_path / "built"
    built.mkdir()
    subprocess.run([sources / "build", built], check=True)
    assert (built / committed.name).read_bytes() == committed.read_bytes(), "run make bpf"


@pytest.mark.parametrize("committed", OBJECTS, ids=ids)
def test_the_object_is_small_and_names_no_path(committed: Path) -> None:
    image = committed.read_bytes()
    assert len(image) < 32_768
    paths = [text for text in re.findall(rb"[\x20-\x7e]{4,}", image) if text.startswith(b"/")]
    assert paths == []


def with_includes(source: str) -> str:
    """Maps may be in a header that several probes share."""
    return re.sub(
        r'^#include "(\w+\.bpf\.h)"$',
        lambda found: (PROBES / found[1]).read_text(),
        source,
        flags=re.MULTILINE,
    )


@pytest.mark.parametrize("probe", [each for each in SETS if portable(each)], ids=ids)
def test_a_source_for_both_has_the_programs_and_maps_the_agent_names(probe: ProbeSet) -> None:
    text = Path(probe.source_path).read_text()
    programs = re.findall(r"^(?:PROGRAM\((\w+), |SAMPLER\()(\w+)\)\n\{", text, re.MULTILINE)
    assert programs == [(each.tracepoint, each.name) for each in probe.programs]
    maps = r"^(?:HASH|LRU_HASH|PER_CPU_ARRAY)\((\w+), "
    assert tuple(re.findall(maps, text, re.MULTILINE)) == probe.maps
    assert set(re.findall(r"^HASH\((\w+), ", text, re.MULTILINE)) == set(probe.per_cgroup)


@pytest.mark.parametrize("probe", [each for each in SETS if not portable(each)], ids=ids)
def test_both_sources_have_the_programs_and_maps_the_agent_names(probe: ProbeSet) -> None:
    core = with_includes(Path(probe.object_path.replace(".bpf.o", ".bpf.c")).read_text())
    sections = re.findall(r'SEC\("([\w/]+)"\)\nint (\w+)\(', core)
    assert [(PACKETS.get(section, section), name) for section, name in sections] == [
        (f"tp_btf/{each.tracepoint}" if each.tracepoint else each.kind, each.name)
        for each in probe.programs
    ]
    assert tuple(re.findall(r'^\} (\w+) SEC\("\.maps"\);', core, re.MULTILINE)) == probe.maps
    bcc = Path(probe.source_path).read_text()
    functions = re.findall(r"^int (\w+)\(struct (?:bpf_raw_|__sk_)", bcc, re.MULTILINE)
    assert functions == [program.name for program in probe.programs]
    assert tuple(re.findall(r"^BPF_TABLE\([^;]*?, (\w+), \w+\);", bcc, re.MULTILINE)) == probe.maps
    for struct, field in probe.optional_fields:
        assert f"HAS_{struct.upper()}_{field.upper()}" in bcc
