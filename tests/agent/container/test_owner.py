"""agent.container.owner: the workload above a pod, from the labels its controller writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.owner import NOBODY, Owner, owner_of


@pytest.mark.parametrize(
    ("pod", "labels", "owner"),
    [
        (
            "api-7d4b9c8f6d-x2x9z",
            {"pod-template-hash": "7d4b9c8f6d"},
            Owner("Deployment", "api"),
        ),
        (
            "web-0",
            {"controller-revision-hash": "web-6c5d7bb8", "apps.kubernetes.io/pod-index": "0"},
            Owner("StatefulSet", "web"),
        ),
        (
            "db-12",
            {
                "controller-revision-hash": "db-1",
                "statefulset.kubernetes.io/pod-name": "db-12",
            },
            Owner("StatefulSet", "db"),
        ),
        (
            "node-exporter-abcde",
            {"controller-revision-hash": "84c7b8f5c"},
            Owner("DaemonSet", "node-exporter"),
        ),
        ("report-28930560-qwert", {"job-name": "report-28930560"}, Owner("CronJob", "report")),
        ("migrate-qwert", {"batch.kubernetes.io/job-name": "migrate"}, Owner("Job", "migrate")),
        ("kube-proxy", {"tier": "node"}, NOBODY),
        ("api", {"pod-template-hash": "7d4b9c8f6d"}, NOBODY),
    ],
)
def test_each_controllers_pods_name_it(pod: str, labels: dict[str, str], owner: Owner) -> None:
    assert owner_of(pod, labels) == owner


@given(st.text(), st.text(), st.text())
def test_labels_that_somebody_wrote_by_hand_break_nothing(pod: str, hash_: str, job: str) -> None:
    for labels in (
        {"pod-template-hash": hash_},
        {"controller-revision-hash": hash_},
        {"job-name": job},
    ):
        assert len(owner_of(pod, labels)) == 2
