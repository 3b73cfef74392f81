"""exporters.prometheus.groups.security: which series there are, and which there are not."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from agent.container.container import Container, Kind
from agent.model import Sample, Snapshot
from agent.security.posture import Posture, evaluate
from agent.security.reports.images import Images
from agent.security.reports.report import ImageReport
from agent.security.reports.report import Kind as Count
from agent.security.reports.verifications import Verifications
from agent.security.reports.watcher import combined
from exporters.prometheus.encoder import Encoder
from tests.agent.security.samples import CONTAINER, blind, facts, process
from tests.agent.snapshots import WALL, sample, snapshot

ID = "sha256:" + "b" * 64


def shown(made: Snapshot) -> dict[str, list[tuple[dict[str, str], float]]]:
    text = b"".join(Encoder().encode(made)).decode()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for series in family.samples:
            found.setdefault(series.name, []).append((series.labels, series.value))
    return found


def judged(posture: Posture, container: Container = CONTAINER, inode: int = 100) -> Sample:
    made = sample(inode=inode, path=f"/docker/{inode}", container=container)
    return replace(made, security=posture)


def with_images(images: Images, *containers: Container) -> Snapshot:
    samples = [
        sample(inode=number, path=f"/docker/{number}", container=container)
        for number, container in enumerate(containers, 100)
    ]
    return replace(snapshot(*samples), images=images)


def test_only_failing_checks_have_a_series() -> None:
    posture = evaluate(facts())
    found = shown(snapshot(judged(posture)))["container_security_check"]
    assert {labels["check"] for labels, _ in found} == {f.check.id for f in posture.failed}
    assert {value for _, value in found} == {1}
    (root,) = (labels for labels, _ in found if labels["check"] == "root_user")
    assert root["level"] == "restricted"
    assert root["cis"] == "docker/4.1 kubernetes/5.2.7"
    assert root["pss"] == "Running as Non-root"
    assert root["name"] == "web"


def test_what_could_not_be_checked_is_counted_and_not_passed() -> None:
    found = shown(snapshot(judged(evaluate(blind(facts(), spec=True, process=True)))))
    assert "container_security_check" not in found
    ((_, count),) = found["container_security_checks_unknown"]
    assert count == 23
    assert len(found["host_security_checks_unknown"]) == 23
    assert "container_security_checks_unknown" not in shown(snapshot(judged(evaluate(facts()))))


def test_the_profile_and_the_added_capabilities_are_labels() -> None:
    posture = evaluate(facts(effective=process(bounding=0xA80425FB | 1 << 12 | 1 << 21)))
    found = shown(snapshot(judged(posture)))
    ((labels, _),) = found["container_security_profile_info"]
    assert {name: labels[name] for name in ("seccomp", "apparmor", "user", "userns", "pss")} == {
        "seccomp": "filter",
        "apparmor": "docker-default (enforce)",
        "user": "0",
        "userns": "host",
        "pss": "privileged",
    }
    caps = [labels["cap"] for labels, _ in found["container_capabilities_added"]]
    assert caps == ["NET_ADMIN", "SYS_ADMIN"]


def test_the_host_sums_up_how_many_containers_fail() -> None:
    posture = evaluate(facts())
    found = shown(snapshot(judged(posture), judged(posture, inode=101)))
    counts = {labels["check"]: n for labels, n in found["host_security_checks_failed"]}
    assert counts["root_user"] == 2
    assert all(set(labels) == {"check"} for labels, _ in found["host_security_checks_failed"])


def test_without_a_posture_there_is_no_series() -> None:
    found = shown(snapshot(sample(container=CONTAINER)))
    assert not [name for name in found if "security" in name or "image_" in name]


SCAN = ImageReport(
    "trivy", frozenset({ID}), frozenset(), {Count("high", True): 3, Count("unknown", False): 1},
    WALL - 90,
)  # fmt: skip


def test_vulnerabilities_are_told_once_an_image() -> None:
    images = combined([SCAN], Verifications({}, ()), ())
    found = shown(with_images(images, CONTAINER, replace(CONTAINER, id="2", name="web2")))
    series = found["container_image_vulnerabilities"]
    counts = {(labels["severity"], labels["fixable"]): n for labels, n in series}
    assert len(series) == 9
    assert counts["high", "true"] == 3
    assert counts["critical", "false"] == 0
    assert counts["unknown", "false"] == 1
    ((labels, age),) = found["container_image_scan_age_seconds"]
    assert labels == {"image": CONTAINER.image, "image_id": ID}
    assert age == 90


def test_what_runs_and_was_never_scanned_is_zero() -> None:
    other = replace(CONTAINER, image="new:1", image_id="sha256:" + "c" * 64)
    unknown = replace(CONTAINER, image="ctr:1", image_id="")
    pause = replace(CONTAINER, image="pause:3", image_id="sha256:" + "d" * 64, kind=Kind.SANDBOX)
    images = combined([SCAN], Verifications({}, ()), ())
    found = shown(with_images(images, CONTAINER, other, unknown, pause))
    scanned = {labels["image"]: n for labels, n in found["container_image_scanned"]}
    assert scanned == {CONTAINER.image: 1, "new:1": 0}


def test_without_a_directory_of_reports_nothing_is_said_of_scans() -> None:
    images = combined(None, Verifications({ID: False}, ()), ())
    found = shown(with_images(images, CONTAINER))
    assert "container_image_scanned" not in found
    ((labels, value),) = found["container_image_signature_verified"]
    assert (labels["image_id"], value) == (ID, 0)
