"""Trivy's JSON report of an image: `trivy image --format json`.

Docs    https://trivy.dev/latest/docs/configuration/reporting/#json

    {"SchemaVersion":2,"CreatedAt":"2026-11-20T10:11:12.123456789Z","ArtifactName":"shop/api:4.2",
     "ArtifactType":"container_image",
     "Metadata":{"ImageID":"sha256:552e…","RepoTags":["shop/api:4.2"],
                 "RepoDigests":["shop/api@sha256:e6de…"],…},
     "Results":[{"Target":"shop/api:4.2 (debian 12.4)","Class":"os-pkgs","Type":"debian",
                 "Vulnerabilities":[{"VulnerabilityID":"CVE-2023-4911","PkgName":"libc6",
                    "InstalledVersion":"2.36-9","FixedVersion":"2.36-9+deb12u3","Severity":"HIGH",
                    …}]}]}

A result without vulnerabilities lacks the key or has null; CreatedAt is there since 0.47.
"""

from __future__ import annotations

from agent.container.docker import parse_time
from agent.container.statefile import Json, child, objects, strings, text
from agent.security.reports.report import ImageReport, NoReport, count, digests, severity


def is_trivy(report: Json) -> bool:
    """Whether Trivy wrote it."""
    return "SchemaVersion" in report and "ArtifactType" in report


def parse_trivy(report: Json, written_at: float) -> ImageReport:
    """`written_at`: when the file was written, for a report that does not say. Raises NoReport."""
    if text(report, "ArtifactType") != "container_image":
        raise NoReport(f"a scan of a {text(report, 'ArtifactType') or 'thing'}, not of an image")
    metadata = child(report, "Metadata")
    image_id, found = text(metadata, "ImageID"), digests(strings(metadata, "RepoDigests"))
    if not image_id and not found:
        raise NoReport("no Metadata.ImageID in it, and no digest")
    return ImageReport(
        tool="trivy",
        image_ids=frozenset({image_id} if image_id else ()),
        digests=found,
        counts=count(
            (severity(text(item, "Severity")), bool(text(item, "FixedVersion")))
            for result in objects(report, "Results")
            for item in objects(result, "Vulnerabilities")
        ),
        scanned_at=parse_time(text(report, "CreatedAt")) or written_at,
    )
