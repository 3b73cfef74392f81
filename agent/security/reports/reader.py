"""Reads scan reports and says what is in them: the program of a child process.

A report of a few megabytes becomes ten times that in memory and holds Python's lock while it is
parsed, so the agent lets a short-lived child do it: memory and time are the child's.

    stdin    one path a line
    stdout   one JSON object a line, in the same order:
             {"path": "…", "report": {"tool": "trivy", "image_ids": ["sha256:…"], "digests": [],
              "counts": [["high", true, 3]], "scanned_at": 1763633472.1}}
             {"path": "…", "problem": "not JSON: …"}
"""

from __future__ import annotations

import os
import sys
from typing import Final

import orjson

from agent.container.failures import READ_FAILURES
from agent.container.statefile import (
    Json,
    UnreadableState,
    as_object,
    child,
    open_regular,
    parse_json,
    strings,
    text,
)
from agent.security.reports.cyclonedx import is_cyclonedx, parse_cyclonedx
from agent.security.reports.grype import is_grype, parse_grype
from agent.security.reports.report import ImageReport, Kind, NoReport, severity
from agent.security.reports.trivy import is_trivy, parse_trivy

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest report that is read. One of an image with everything in it has some 20 MB."""
_NICE: Final = 10


def parse_report(data: bytes, path: str, written_at: float) -> ImageReport:
    """Parse a report by any of the tools. Raises NoReport, UnreadableState."""
    report = as_object(parse_json(data, path), path)
    for is_its, parse in (
        (is_trivy, parse_trivy),
        (is_grype, parse_grype),
        (is_cyclonedx, parse_cyclonedx),
    ):
        if is_its(report):
            return parse(report, written_at)
    raise NoReport("neither Trivy's, Grype's nor CycloneDX JSON")


def read_report(path: str) -> ImageReport | None:
    """The report in a file. None where absent. Raises like `parse_report`, and OSError."""
    fd = open_regular(path)
    if fd is None:
        return None
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_size > MAX_BYTES:
            raise NoReport(f"{found.st_size} bytes, more than the {MAX_BYTES} read at most")
        return parse_report(file.read(MAX_BYTES), path, found.st_mtime)


def main() -> int:
    """Answer each line of stdin."""
    os.nice(_NICE)
    try:
        for line in sys.stdin:
            sys.stdout.buffer.write(_answer(line.rstrip("\n")) + b"\n")
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Nobody takes the answers any more; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def decode_answer(line: bytes) -> tuple[str, ImageReport | str]:
    """One line of the child's: (path, report or problem). Raises UnreadableState."""
    answer = as_object(parse_json(line, "the reader's answer"), "the reader's answer")
    path = text(answer, "path")
    if "report" not in answer:
        return path, text(answer, "problem") or "nothing said"
    return path, _decoded(child(answer, "report"))


def encode_report(report: ImageReport) -> Json:
    """As JSON."""
    return {
        "tool": report.tool,
        "image_ids": sorted(report.image_ids),
        "digests": sorted(report.digests),
        "counts": [[kind.severity, kind.fixable, n] for kind, n in report.counts.items()],
        "scanned_at": report.scanned_at,
    }


def _answer(path: str) -> bytes:
    try:
        report = read_report(path)
    except NoReport as error:
        return orjson.dumps({"path": path, "problem": str(error)})
    except UnreadableState as error:
        return orjson.dumps({"path": path, "problem": error.why})
    except READ_FAILURES as error:
        return orjson.dumps({"path": path, "problem": str(error)})
    if report is None:
        return orjson.dumps({"path": path, "problem": "gone"})
    return orjson.dumps({"path": path, "report": encode_report(report)})


def _decoded(report: Json) -> ImageReport:
    counts: dict[Kind, int] = {}
    rows = report.get("counts")
    for row in rows if isinstance(rows, list) else ():
        match row:
            case [str() as how_bad, bool() as fixable, int() as n]:
                counts[Kind(severity(how_bad), fixable)] = n
    scanned_at = report.get("scanned_at")
    return ImageReport(
        tool=text(report, "tool"),
        image_ids=frozenset(strings(report, "image_ids")),
        digests=frozenset(strings(report, "digests")),
        counts=counts,
        scanned_at=float(scanned_at) if isinstance(scanned_at, int | float) else 0.0,
    )


if __name__ == "__main__":
    sys.exit(main())
