"""What is on a kubelet's /metrics/cadvisor and not on a page of ours, each with its reason.

docs/metrics.md says the same, "Where cAdvisor is not followed".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from exporters.prometheus import cadvisor
from tests.host.parity import Key

Labels = Mapping[str, str]
_IDS = re.compile(r"/[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Difference:
    """Series we do not have."""

    reason: str
    names: re.Pattern[str]
    holds: Callable[[Labels], bool] = lambda _: True
    always: bool = True
    """Whether every kubelet has such series, and not those on cgroup v1 or on some hosts alone."""


def _difference(
    reason: str, names: str, holds: Callable[[Labels], bool] = lambda _: True, always: bool = True
) -> Difference:
    return Difference(reason, re.compile(names), holds, always)


def _is_root(labels: Labels) -> bool:
    return labels.get("id") == "/"


def _is_not_a_container(labels: Labels) -> bool:
    return not _IDS.search(labels["id"])


def _is_not_a_disk(labels: Labels) -> bool:
    device = labels["device"]
    return (_is_root(labels) and not device.startswith("/dev/")) or device == "/dev/shm"


_WITHOUT: Final = "|".join(
    [
        *cadvisor.WITHOUT_NAMES,
        *(name for group in cadvisor.WITHOUT for name in cadvisor.GROUPS[group]),
    ]
)

DIFFERENCES: Final = (
    _difference("nothing counts it for a container, or others tell it", f"(?:{_WITHOUT})\\Z"),
    _difference(
        "pods and slices have no process of their own, and those of / are in no cgroup",
        r"container_(?:processes|file_descriptors|sockets)\Z",
        _is_not_a_container,
    ),
    _difference(
        "nothing counts or limits the processes of /",
        r"container_(?:threads|threads_max|ulimits_soft)\Z",
        _is_root,
    ),
    _difference(
        "cgroup v2 has no such file for /: cAdvisor says 0, or a default",
        r"container_memory_(?:failcnt|max_usage_bytes)\Z|container_oom_events_total\Z"
        r"|container_spec_(?:cpu_period|cpu_shares|memory_reservation_limit_bytes)\Z",
        _is_root,
        always=False,
    ),
    _difference(
        "cgroup v1 counts the same bytes several times over",
        r"container_blkio_device_usage_total\Z",
        lambda labels: labels["operation"] in ("Async", "Sync", "Discard", "Total"),
        always=False,
    ),
    _difference(
        "a disk without a name: ours have theirs",
        r"container_(?:blkio_device_usage|fs_(?:reads|writes)(?:_bytes)?)_total\Z",
        lambda labels: labels["device"] == "",
        always=False,
    ),
    _difference(
        "containers' overlays are their disk's numbers again; no files are below /sys and /proc",
        r"container_fs_(?:usage|limit)_bytes\Z|container_fs_inodes_(?:free|total)\Z",
        lambda labels: (
            _is_root(labels) and labels["device"].startswith(("overlay", "/sys/", "/proc/"))
        ),
    ),
    _difference(
        "no disk: always 0",
        r"container_fs_(?:reads|writes)_total\Z",
        _is_not_a_disk,
    ),
    _difference(
        "a pod on the host's network has no traffic of its own",
        r"container_network_",
        lambda labels: labels["pod"].startswith("hostnet"),
        always=False,
    ),
)


def reason_of(key: Key) -> Difference | None:
    """Why a series of the kubelet's is not on ours; None where it should be."""
    name, labels = key
    told = dict(labels)
    return next(
        (found for found in DIFFERENCES if found.names.match(name) and found.holds(told)), None
    )


def is_told_otherwise(name: str, labels: Labels, *, v1: bool) -> bool:
    """Whether a number is another than the kubelet's by intent."""
    if name == "container_fs_inodes_total":
        return True
    if name.startswith("container_fs_") and labels["device"].startswith("/var/"):
        # A mount that the test's own /var hides from the kubelet.
        return True
    if not v1:
        # cAdvisor has no kernel memory on v2 and says 0.
        return name == "container_memory_kernel_usage"
    if name == "container_memory_failures_total":
        # v1 has a count without and one with what is below; cAdvisor takes the first for both.
        return _is_not_a_container(labels)
    return name == "container_spec_memory_swap_limit_bytes" or "_pressure_" in name
