"""Grype's JSON report of an image: `grype IMAGE -o json`.

Docs    https://github.com/anchore/grype (schema: schema/grype/db-search and presenter/models)

    {"matches":[{"vulnerability":{"id":"CVE-2023-4911","severity":"High",
                   "fix":{"versions":["2.36-9+deb12u3"],"state":"fixed"},…},
                 "artifact":{"name":"libc6","version":"2.36-9",…},…}],
     "source":{"type":"image","target":{"userInput":"shop/api:4.2","imageID":"sha256:552e…",
               "manifestDigest":"sha256:e6de…","repoDigests":["shop/api@sha256:e6de…"],…}},
     "descriptor":{"name":"grype","version":"0.104.0","timestamp":"2026-11-20T10:11:12.123Z",…}}

A scan of an SBOM may know the manifest's digest alone: that finds a container that pins it.
"""

from __future__ import annotations

from agent.container.docker import parse_time
from agent.container.statefile import Json, child, objects, strings, text
from agent.security.reports.report import ImageReport, NoReport, count, digests, severity


def is_grype(report: Json) -> bool:
    """Whether Grype wrote it."""
    return text(child(report, "descriptor"), "name") == "grype" or (
        "matches" in report and "source" in report
    )


def parse_grype(report: Json, written_at: float) -> ImageReport:
    """`written_at`: when the file was written, for a report that does not say. Raises NoReport."""
    source = child(report, "source")
    if text(source, "type") != "image":
        raise NoReport(f"a scan of a {text(source, 'type') or 'thing'}, not of an image")
    target = child(source, "target")
    image_id = text(target, "imageID")
    found = digests([text(target, "manifestDigest"), *strings(target, "repoDigests")])
    if not image_id and not found:
        raise NoReport("no source.target.imageID in it, and no digest")
    vulnerable = [child(match, "vulnerability") for match in objects(report, "matches")]
    return ImageReport(
        tool="grype",
        image_ids=frozenset({image_id} if image_id else ()),
        digests=found,
        counts=count(
            (severity(text(match, "severity")), text(child(match, "fix"), "state") == "fixed")
            for match in vulnerable
        ),
        scanned_at=parse_time(text(child(report, "descriptor"), "timestamp")) or written_at,
    )
