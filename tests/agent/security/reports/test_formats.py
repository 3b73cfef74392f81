"""Trivy, Grype, CycloneDX: the counts that each report means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.statefile import UnreadableState
from agent.security.reports.reader import (
    MAX_BYTES,
    decode_answer,
    encode_report,
    parse_report,
    read_report,
)
from agent.security.reports.report import ImageReport, NoReport, severity, worst

REPORTS = Path(__file__).parents[3] / "fixtures" / "reports"
ID = "sha256:552ee9539eea500cff5dbce2d35d8206116f9444cbb27ebe5ef42bd5c8e7ab02"
MANIFEST = "sha256:e6de5bb39a8dfad2068b0c7999a1ff2198032bc10ac71633d6709ca36fd82ed9"


def written(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads((REPORTS / f"{name}.json").read_bytes())
    return loaded


def parsed(report: object) -> ImageReport:
    return parse_report(orjson.dumps(report), "x.json", 7.0)


@pytest.mark.parametrize(
    ("name", "counts", "scanned_at"),
    [
        (
            "trivy",
            {
                ("high", True): 2,
                ("critical", True): 1,
                ("critical", False): 1,
                ("low", False): 1,
                ("medium", True): 1,
                ("unknown", False): 1,
            },
            1795169472.123456,
        ),
        (
            "grype",
            {("high", True): 1, ("critical", False): 1, ("negligible", False): 1},
            1795251600.5,
        ),
        (
            "cyclonedx",
            {("high", True): 2, ("medium", False): 1, ("negligible", False): 1},
            1795336200.0,
        ),
    ],
)
def test_a_report_is_counted_by_severity_and_by_whether_it_can_be_fixed(
    name: str, counts: dict[tuple[str, bool], int], scanned_at: float
) -> None:
    report = parsed(written(name))
    assert report.counts == counts
    assert report.tool == name
    assert report.image_ids == {ID}
    assert MANIFEST in report.digests
    assert report.scanned_at == pytest.approx(scanned_at)


def test_a_clean_image_was_scanned_and_has_none() -> None:
    report = written("trivy")
    report["Results"] = [{"Target": "x", "Vulnerabilities": None}]
    assert parsed(report).counts == {}
    del report["Results"]
    assert parsed(report).counts == {}


def test_an_sbom_is_not_taken_for_a_scan_that_found_nothing() -> None:
    report = written("cyclonedx") | {"vulnerabilities": []}
    with pytest.raises(NoReport, match="SBOM without vulnerabilities"):
        parsed(report)


def test_a_report_that_does_not_say_when_was_made_when_it_was_written() -> None:
    report = written("trivy")
    del report["CreatedAt"]
    assert parsed(report).scanned_at == 7.0


def test_an_update_in_the_analysis_is_a_fix() -> None:
    report = written("cyclonedx")
    report["vulnerabilities"] = [
        {"ratings": [{"severity": "high"}], "analysis": {"response": ["update"]}}
    ]
    assert parsed(report).counts == {("high", True): 1}


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ({"SchemaVersion": 2, "ArtifactType": "filesystem"}, "filesystem, not of an image"),
        ({"SchemaVersion": 2, "ArtifactType": "container_image"}, "no Metadata.ImageID"),
        ({"matches": [], "source": {"type": "directory"}}, "directory, not of an image"),
        ({"matches": [], "source": {"type": "image", "target": {}}}, "imageID"),
        ({"bomFormat": "CycloneDX", "vulnerabilities": [{}]}, "no image id"),
        ({"spdxVersion": "SPDX-2.3"}, "neither Trivy's"),
    ],
)
def test_what_is_no_scan_of_an_image_says_so(report: dict[str, object], says: str) -> None:
    with pytest.raises(NoReport, match=says):
        parsed(report)


def test_words_for_severity_are_of_any_case_and_any_tool() -> None:
    assert severity("HIGH") == severity("High") == "high"
    assert severity("info") == severity("none") == "negligible"
    assert severity("important") == severity("") == "unknown"
    assert worst(["low", "CRITICAL", "nonsense"]) == "critical"
    assert worst([]) == "unknown"


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@given(name=st.sampled_from(["trivy", "grype", "cyclonedx"]), data=st.data(), value=_json)
def test_a_report_damaged_anywhere_is_read_or_refused(
    name: str, data: st.DataObject, value: object
) -> None:
    report = written(name)
    places: list[tuple[Any, Any]] = []

    def collect(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                collect(node[key])

    collect(report)
    node, key = data.draw(st.sampled_from(places))
    node[key] = value
    try:
        counts = parsed(report).counts
    except (NoReport, UnreadableState):
        counts = {}
    assert all(count > 0 for count in counts.values())


@given(st.binary())
def test_any_bytes_are_a_report_or_refused(data: bytes) -> None:
    with pytest.raises((NoReport, UnreadableState)):
        parse_report(data, "x.json", 0.0)


@pytest.mark.parametrize("name", ["trivy", "grype", "cyclonedx"])
def test_an_answer_of_the_reader_is_the_report_it_read(name: str) -> None:
    report = parsed(written(name))
    line = orjson.dumps({"path": "/r/x.json", "report": encode_report(report)})
    assert decode_answer(line) == ("/r/x.json", report)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(NoReport, match=f"more than the {MAX_BYTES}"):
        read_report(str(path))


@pytest.mark.parametrize(
    "report",
    [
        {"matches": [], "source": {"type": "image", "target": {"manifestDigest": MANIFEST}}},
        {
            "SchemaVersion": 2,
            "ArtifactType": "container_image",
            "Metadata": {"RepoDigests": [f"shop/api@{MANIFEST}"]},
        },
    ],
    ids=["grype", "trivy"],
)
def test_a_scan_that_knows_the_manifests_digest_alone_is_of_that_image(report: object) -> None:
    found = parsed(report)
    assert found.image_ids == frozenset()
    assert found.digests == {MANIFEST}
    assert found.counts == {}
