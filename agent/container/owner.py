"""Which workload a pod belongs to, going by the labels its controller put on it.

    pod-template-hash=7d4b9c8f6d                  ReplicaSet api-7d4b9c8f6d, of Deployment api
    controller-revision-hash=web-6c5d7bb8 and
        apps.kubernetes.io/pod-index or
        statefulset.kubernetes.io/pod-name        StatefulSet web
    controller-revision-hash=84c7b8f5c            DaemonSet
    batch.kubernetes.io/job-name=report-28930560  Job; with a minute at the end, CronJob report

Pure: what the API server would say as ownerReferences, from what is on the node. Source: the
controllers in kubernetes/pkg/controller/{deployment,statefulset,daemon,job,cronjob}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.records import NamedTuple


class Owner(NamedTuple):
    """A workload; both "" where the labels do not say."""

    kind: str
    """Deployment, StatefulSet, DaemonSet, Job or CronJob."""
    name: str


NOBODY = Owner("", "")

_RANDOM_END = re.compile(r"-[a-z0-9]{5}\Z")
"""What the API server adds to a generateName."""
_ORDINAL = re.compile(r"-\d+\Z")
_CRON = re.compile(r"(?P<name>.+)-\d{8,10}\Z")
"""A CronJob's job ends in the minute it was due: Unix time / 60."""


def owner_of(pod: str, labels: Mapping[str, str]) -> Owner:
    """The workload of the pod named `pod` with these labels."""
    job = labels.get("batch.kubernetes.io/job-name") or labels.get("job-name", "")
    if job:
        cron = _CRON.match(job)
        return Owner("CronJob", cron["name"]) if cron else Owner("Job", job)
    template = labels.get("pod-template-hash", "")
    replica_set = _RANDOM_END.sub("", pod)
    if template and replica_set.endswith(f"-{template}"):
        return Owner("Deployment", replica_set.removesuffix(f"-{template}"))
    if "controller-revision-hash" in labels:
        if (
            "statefulset.kubernetes.io/pod-name" in labels
            or "apps.kubernetes.io/pod-index" in labels
        ):
            return Owner("StatefulSet", _ORDINAL.sub("", pod))
        if replica_set != pod:
            return Owner("DaemonSet", replica_set)
    return NOBODY


def owner_of_reference(kind: str, name: str, labels: Mapping[str, str]) -> Owner:
    """The workload above the controller that an ownerReference names, by the pod's labels."""
    template = labels.get("pod-template-hash", "")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return Owner("Deployment", name.removesuffix(f"-{template}"))
    if kind == "Job" and (cron := _CRON.match(name)):
        return Owner("CronJob", cron["name"])
    return Owner(kind, name) if kind and name else NOBODY
