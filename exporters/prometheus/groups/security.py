"""What running containers may do, and what is known of their images.

Only checks that fail have a series; a host where everything is in order has next to none.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from agent.container.container import Kind as ContainerKind
from agent.model import Sample, Snapshot
from agent.security.check import LEVELS, Level
from agent.security.reports.report import SEVERITIES, Kind
from agent.security.table import CHECKS
from exporters.prometheus.metric import AnyMetric, Labels, Metric, Number, SnapshotMetric

_ALWAYS = SEVERITIES[:4]
"""Severities told of every scanned image; negligible and unknown only where there are some."""

_CHECK_LABELS: dict[tuple[str, Level], Labels] = {
    (check.id, level): (
        ("check", check.id),
        ("level", level),
        ("cis", check.cis),
        ("pss", check.pss),
    )
    for check in CHECKS
    for level in LEVELS
}
"""Made once: a page has a dozen of them for each container."""


def failed(sample: Sample, _: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """1 for each check that fails."""
    if sample.security is not None:
        for finding in sample.security.failed:
            yield _CHECK_LABELS[finding.check.id, finding.level], 1


def unknown(sample: Sample, _: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """How many checks could not be made; no series where all could."""
    if sample.security is not None and sample.security.unknown:
        yield (), len(sample.security.unknown)


def profile(sample: Sample, _: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """1, with the summary as labels."""
    posture = sample.security
    if posture is not None:
        yield (
            (
                ("seccomp", posture.seccomp),
                ("apparmor", posture.apparmor),
                ("user", posture.user),
                ("userns", posture.user_namespace),
                ("pss", posture.profile),
            ),
            1,
        )


def added(sample: Sample, _: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """1 for each capability beyond the default."""
    for name in sorted(sample.security.added) if sample.security is not None else ():
        yield (("cap", name),), 1


def failed_on_host(snapshot: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """How many containers fail each check."""
    counts = Counter(
        finding.check.id
        for sample in snapshot.samples
        if sample.security is not None
        for finding in sample.security.failed
    )
    for check, count in sorted(counts.items()):
        yield (("check", check),), count


def unknown_on_host(snapshot: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """How many containers' answer is missing, of each check."""
    counts = Counter(
        finding.check.id
        for sample in snapshot.samples
        if sample.security is not None
        for finding in sample.security.unknown
    )
    for check, count in sorted(counts.items()):
        yield (("check", check),), count


def _running(snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    """Image and image id of what runs, each pair once."""
    return sorted(
        {
            (sample.container.image, sample.container.image_id)
            for sample in snapshot.samples
            if sample.container is not None
            and sample.container.kind is ContainerKind.CONTAINER
            and (sample.container.image or sample.container.image_id)
        }
    )


def vulnerabilities(snapshot: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """Counts of the newest scan, once an image."""
    if snapshot.images is None:
        return
    for image, image_id in _running(snapshot):
        report = snapshot.images.scan_of(image_id, image)
        if report is None:
            continue
        for severity in SEVERITIES:
            for fixable in (False, True):
                number = report.counts.get(Kind(severity, fixable), 0)
                if number or severity in _ALWAYS:
                    yield (
                        (
                            ("image", image),
                            ("image_id", image_id),
                            ("severity", severity),
                            ("fixable", "true" if fixable else "false"),
                        ),
                        number,
                    )


def scan_age(snapshot: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """Seconds since the newest scan."""
    if snapshot.images is None:
        return
    for image, image_id in _running(snapshot):
        report = snapshot.images.scan_of(image_id, image)
        if report is not None:
            yield _image(image, image_id), max(0.0, snapshot.wall_time - report.scanned_at)


def scanned(snapshot: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """Whether there is a scan; nothing of an image whose digest nobody knows."""
    if snapshot.images is None or not snapshot.images.scanning:
        return
    for image, image_id in _running(snapshot):
        known = snapshot.images.scan_of(image_id, image) is not None
        if known or image_id:
            yield _image(image, image_id), int(known)


def verified(snapshot: Snapshot) -> Iterator[tuple[Labels, Number]]:
    """Whether the signature was good, of the images with a result."""
    if snapshot.images is None:
        return
    for image, image_id in _running(snapshot):
        result = snapshot.images.verification_of(image_id, image)
        if result is not None:
            yield _image(image, image_id), int(result)


def _image(image: str, image_id: str) -> Labels:
    return ("image", image), ("image_id", image_id)


_POSTURE: Final = operator.attrgetter("security")

METRICS: tuple[AnyMetric, ...] = (
    Metric(
        name="container_security_check",
        type="gauge",
        source="the OCI bundle and /proc/PID (docs/security.md)",
        help="1 for each security check that this container fails.",
        read=failed,
        about=_POSTURE,
        labels=("check", "level", "cis", "pss"),
    ),
    Metric(
        name="container_security_checks_unknown",
        type="gauge",
        source="the OCI bundle and /proc/PID (docs/security.md)",
        help="How many security checks of this container could not be made.",
        read=unknown,
        about=_POSTURE,
    ),
    Metric(
        name="container_security_profile_info",
        type="gauge",
        source="the OCI bundle and /proc/PID (docs/security.md)",
        help="1; its labels sum up what the container may do, and the strictest Pod Security "
        "Standards profile that it is known to meet.",
        read=profile,
        about=_POSTURE,
        labels=("seccomp", "apparmor", "user", "userns", "pss"),
    ),
    Metric(
        name="container_capabilities_added",
        type="gauge",
        source="/proc/PID/status CapBnd, else the OCI bundle",
        help="1 for each capability beyond the 14 that a container has without asking.",
        read=added,
        about=_POSTURE,
        labels=("cap",),
    ),
    SnapshotMetric(
        name="host_security_checks_failed",
        type="gauge",
        source="the OCI bundles and /proc/PID (docs/security.md)",
        help="How many running containers fail this security check.",
        read=failed_on_host,
        labels=("check",),
    ),
    SnapshotMetric(
        name="host_security_checks_unknown",
        type="gauge",
        source="the OCI bundles and /proc/PID (docs/security.md)",
        help="Of how many running containers this security check could not be made.",
        read=unknown_on_host,
        labels=("check",),
    ),
    SnapshotMetric(
        name="container_image_vulnerabilities",
        type="gauge",
        source="the newest report on the image in security.image_reports",
        help="Vulnerable packages in the image of a running container, by its newest scan.",
        read=vulnerabilities,
        labels=("image", "image_id", "severity", "fixable"),
    ),
    SnapshotMetric(
        name="container_image_scan_age_seconds",
        type="gauge",
        source="the newest report on the image in security.image_reports",
        help="Time since the image of a running container was last scanned, in seconds.",
        read=scan_age,
        labels=("image", "image_id"),
    ),
    SnapshotMetric(
        name="container_image_scanned",
        type="gauge",
        source="security.image_reports",
        help="Whether there is a scan of the image of a running container.",
        read=scanned,
        labels=("image", "image_id"),
    ),
    SnapshotMetric(
        name="container_image_signature_verified",
        type="gauge",
        source="security.verifications",
        help="Whether the image's signature was good; no series where nobody tried.",
        read=verified,
        labels=("image", "image_id"),
    ),
)
