"""Probes of one's own: what their files may say, and one that counts in a real container."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.entries import UnexpectedRecord
from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.own import (
    BadProbe,
    OwnCounts,
    OwnMetric,
    OwnProbe,
    decode_own,
    find_own,
    kind_of,
    parse_own,
)
from agent.bpf.probeset import Program
from exporters.prometheus.own_probes import own_metrics
from tests.agent.bpf.test_lifecycle import EXECS_AND_EXITS, StartWorkload, start  # noqa: F401

TOML = """
[[program]]
name = "on_exec"
tracepoint = "sched_process_exec"

[[metric]]
map = "counts"
name = "container_own_starts_seconds_total"
help = "Programs started, as if each took a millisecond."
type = "counter"
labels = ["kind:u32"]
scale = 0.001
"""

SOURCE = """
#include "portable.h"

struct start_key {
	u64 cgroup;
	u32 kind;
} __attribute__((packed));

BPF_TABLE("percpu_hash", struct start_key, u64, counts, ENTRIES_counts);

int on_exec(struct bpf_raw_tracepoint_args *context)
{
	struct start_key key = { .cgroup = bpf_get_current_cgroup_id(), .kind = 5 };
	u64 one = 1;
	u64 *seen = counts.lookup(&key);

	if (seen)
		*seen += 1;
	else
		counts.update(&key, &one);
	return 0;
}
"""

METRIC = OwnMetric(
    "counts",
    "container_own_starts_seconds_total",
    "Programs started, as if each took a millisecond.",
    "counter",
    (("kind", "u32"),),
    0.001,
)


def files(directory: Path, toml: str = TOML, source: str = SOURCE) -> Path:
    (directory / "starts.toml").write_text(toml)
    (directory / "starts.c").write_text(source)
    return directory


def test_a_pair_of_files_is_a_probe(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("not a probe")
    assert find_own(str(files(tmp_path))) == (
        OwnProbe(
            "starts",
            str(tmp_path / "starts.c"),
            (Program(name="on_exec", feature="on_exec", tracepoint="sched_process_exec"),),
            (METRIC,),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[[program]]", "[[program", "this is not TOML: "),
        (
            "[[program]]",
            "[[programs]]",
            "unknown key 'programs'; there are metric, program",
        ),
        ("tracepoint", "tracepiont", "unknown key 'tracepiont' in [[program]]"),
        ('"sched_process_exec"', "7", "tracepoint = 7: must be like"),
        ('"sched_process_exec"', '"a"\nhertz = 9', "has both a tracepoint and hertz"),
        ('tracepoint = "sched_process_exec"', "hertz = 0", "hertz = 0: must be a whole number"),
        ('"counts"', '"a b"', "map = 'a b': must be like"),
        ("container_own", "own", "name = 'own_starts_seconds_total': must be like container_"),
        ("_total", "", "a counter's name ends in _total"),
        ('"counter"', '"histogram"', "type = 'histogram': must be counter or gauge"),
        ("kind:u32", "kind:int", "'kind:int' must be NAME:TYPE"),
        ("kind:u32", "pod:u32", "'pod:u32' must be NAME:TYPE"),
        ("0.001", "-1", "scale = -1: must be a number above 0"),
        ("0.001", "true", "scale = True: must be a number above 0"),
    ],
)
def test_what_is_wrong_is_quoted_with_its_file(old: str, new: str, reason: str) -> None:
    assert old in TOML
    with pytest.raises(BadProbe) as caught:
        parse_own("/etc/d/starts.toml", "/etc/d/starts.c", TOML.replace(old, new))
    assert str(caught.value).startswith("/etc/d/starts.toml: ")
    assert reason in str(caught.value)


def test_a_missing_source_and_a_name_that_is_taken_are_told(tmp_path: Path) -> None:
    (files(tmp_path) / "starts.c").unlink()
    with pytest.raises(BadProbe, match=r"starts\.toml: there is no starts\.c beside it"):
        find_own(str(tmp_path))
    (files(tmp_path) / "more.toml").write_text(TOML)
    (tmp_path / "more.c").write_text(SOURCE)
    with pytest.raises(BadProbe, match="container_own_starts_seconds_total is there twice"):
        find_own(str(tmp_path))
    (tmp_path / "more.toml").unlink()
    with pytest.raises(BadProbe, match="is a metric of the agent's already"):
        own_metrics(find_own(str(tmp_path)), {METRIC.name})


@given(st.text())
def test_any_text_is_a_probe_or_a_bad_one(text: str) -> None:
    with pytest.raises(BadProbe):
        parse_own("f", "s", text)


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)),
        st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)),
    )
)
def test_every_number_is_found_again_summed_over_cpus(
    entries: dict[tuple[int, int], tuple[int, int]],
) -> None:
    keys = b"".join(struct.pack("=QI", *key) for key in entries)
    values = b"".join(struct.pack("=QQ", *value) for value in entries.values())
    found = decode_own(METRIC, [(keys, values)], cpus=2)
    flat = {(cgroup, *labels): n for cgroup, of in found.items() for labels, n in of.items()}
    assert flat == {key: sum(value) for key, value in entries.items()}


@given(st.binary(), st.binary())
def test_any_bytes_are_decoded_or_refused(keys: bytes, values: bytes) -> None:
    try:
        found = decode_own(METRIC, [(keys, values)])
    except UnexpectedRecord:
        return
    assert sum(map(len, found.values())) <= len(keys) // 12


@pytest.mark.host
@pytest.mark.usefixtures("bcc_may_load")
def test_an_own_probe_counts_23_execs_in_one_container_and_none_in_another(
    tmp_path: Path,
    start: StartWorkload,  # noqa: F811
) -> None:
    directory = tmp_path / "probes.d"
    directory.mkdir()
    (probe,) = find_own(str(files(directory)))
    with open_probe(kind_of(probe), "libbpf") as running:
        assert (running.loader, running.off) == ("bcc", {})
        busy, idle = start("own", EXECS_AND_EXITS), start("own-idle", "")
        before = running.read()
        busy.do()
        after = running.read()
        running.forget([busy.cgroup])
        assert busy.cgroup not in running.read().cgroups

    def starts(counts: OwnCounts) -> int:
        return counts.values.get(METRIC.name, {}).get((5,), 0)

    assert starts(after.of(busy.cgroup)) - starts(before.of(busy.cgroup)) == 23
    assert after.of(idle.cgroup) == before.of(idle.cgroup)


@pytest.mark.host
@pytest.mark.usefixtures("bcc_may_load")
def test_source_that_is_wrong_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    (probe,) = find_own(str(files(tmp_path, source=SOURCE.replace("u32 kind", "u33 kind"))))
    with pytest.raises(ProbeUnavailable) as caught:
        open_probe(kind_of(probe))
    assert f"{tmp_path}/starts.c:6:2: error: unknown type name 'u33'" in caught.value.reason


@pytest.mark.host
@pytest.mark.usefixtures("bcc_may_load")
def test_a_map_of_another_shape_than_the_toml_says_is_refused(tmp_path: Path) -> None:
    (probe,) = find_own(str(files(tmp_path, TOML.replace("kind:u32", "kind:u64"))))
    with pytest.raises(ProbeUnavailable, match=r'map "counts" has keys of 12 and values of 8'):
        open_probe(kind_of(probe))
