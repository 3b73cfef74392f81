"""A CycloneDX document with vulnerabilities, of an image.

Docs    https://cyclonedx.org/docs/1.6/json/

    {"bomFormat":"CycloneDX","specVersion":"1.6",
     "metadata":{"timestamp":"2026-11-20T10:11:12+00:00",
       "component":{"type":"container","name":"shop/api:4.2","purl":"pkg:oci/api@sha256%3Ae6de…",
         "properties":[{"name":"aquasecurity:trivy:ImageID","value":"sha256:552e…"},
                       {"name":"aquasecurity:trivy:RepoDigest","value":"shop/api@sha256:e6de…"}]}},
     "vulnerabilities":[{"id":"CVE-2023-4911","ratings":[{"severity":"high",…}],
       "recommendation":"Upgrade libc6 to version 2.36-9+deb12u3","affects":[{"ref":"pkg:deb/…"}]}]}

Of several ratings the worst counts: the document does not say which its author goes by. One with a
recommendation, or whose analysis responds with an update, is fixable. Without vulnerabilities it is
an SBOM, which nobody need have scanned: it says nothing, not that there are none.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.container.docker import parse_time
from agent.container.statefile import Json, child, objects, strings, text
from agent.security.reports.report import (
    ImageReport,
    NoReport,
    Severity,
    count,
    digests,
    worst,
)


def is_cyclonedx(report: Json) -> bool:
    """Whether it is CycloneDX."""
    return text(report, "bomFormat") == "CycloneDX"


def parse_cyclonedx(report: Json, written_at: float) -> ImageReport:
    """`written_at`: when the file was written, for a report that does not say. Raises NoReport."""
    metadata = child(report, "metadata")
    component = child(metadata, "component")
    vulnerabilities = objects(report, "vulnerabilities")
    if not vulnerabilities:
        raise NoReport("an SBOM without vulnerabilities, which does not say that it was scanned")
    properties = [
        (text(item, "name"), text(item, "value"))
        for item in (*objects(component, "properties"), *objects(metadata, "properties"))
    ]
    image_ids = digests(value for name, value in properties if name.lower().endswith("imageid"))
    found = digests(
        [
            text(component, "purl"),
            text(component, "bom-ref"),
            text(component, "version"),
            *(value for name, value in properties if name.lower().endswith("repodigest")),
        ]
    )
    if not image_ids and not found:
        raise NoReport("no image id in the properties of metadata.component, and no digest")
    return ImageReport(
        tool="cyclonedx",
        image_ids=image_ids,
        digests=found,
        counts=count(pair for item in vulnerabilities for pair in _affected(item)),
        scanned_at=parse_time(text(metadata, "timestamp")) or written_at,
    )


def _affected(vulnerability: Json) -> Iterator[tuple[Severity, bool]]:
    """One pair for each package it is in."""
    how_bad = worst(text(rating, "severity") for rating in objects(vulnerability, "ratings"))
    analysis = child(vulnerability, "analysis")
    fixable = bool(text(vulnerability, "recommendation")) or "update" in strings(
        analysis, "response"
    )
    for _ in range(max(1, len(objects(vulnerability, "affects")))):
        yield how_bad, fixable
