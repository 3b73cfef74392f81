"""What Kubernetes' node conformance test wants of /metrics/cadvisor, for a busybox pod.

https://github.com/kubernetes/kubernetes/blob/master/test/e2e_node/container_metrics_test.go
("ContainerMetrics" [NodeConformance]): the names, and the bounds it checks them with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.host.agent import Page, agent_run
from tests.host.cri import CriHost
from tests.host.daemon import wait_until

pytestmark = pytest.mark.host

MEMORY = 80_000_000
"""The pod's memory limit, in bytes."""
PAGE = 4096

Bound = Callable[[float], bool]


def between(low: float, high: float) -> Bound:
    return lambda value: low <= value <= high


def exactly(expected: float) -> Bound:
    return lambda value: value == expected


def lately(value: float) -> bool:
    return 0 <= time.time() - value < 600


REQUIRED: Mapping[str, Bound] = {
    "container_blkio_device_usage_total": between(0, 1e7),
    "container_cpu_system_seconds_total": between(0, 100),
    "container_cpu_usage_seconds_total": between(0, 100),
    "container_cpu_user_seconds_total": between(0, 100),
    "container_file_descriptors": between(0, 100),
    "container_fs_reads_bytes_total": between(0, 1e7),
    "container_fs_reads_total": between(0, 100),
    "container_fs_usage_bytes": between(0, 1e6),
    "container_fs_writes_bytes_total": between(0, 1e7),
    "container_fs_writes_total": between(0, 100),
    "container_last_seen": lately,
    "container_memory_cache": between(0, 80e6),
    "container_memory_failcnt": exactly(0),
    "container_memory_failures_total": between(0, 1e6),
    "container_memory_mapped_file": between(0, 1e7),
    "container_memory_max_usage_bytes": between(0, 80e6),
    "container_memory_rss": between(1e4, 80e6),
    "container_memory_swap": exactly(0),
    "container_memory_usage_bytes": between(1e4, 80e6),
    "container_memory_working_set_bytes": between(1e4, 80e6),
    "container_oom_events_total": exactly(0),
    "container_processes": exactly(1),
    "container_sockets": exactly(0),
    "container_spec_cpu_period": exactly(100_000),
    "container_spec_cpu_shares": exactly(2),
    # The kernel counts in pages.
    "container_spec_memory_limit_bytes": between(MEMORY - PAGE, MEMORY),
    "container_spec_memory_reservation_limit_bytes": exactly(0),
    "container_spec_memory_swap_limit_bytes": between(0, 80e6),
    "container_start_time_seconds": lately,
    "container_threads": between(0, 10),
    "container_threads_max": between(0, 100_000),
    "container_ulimits_soft": between(0, 1e7),
}
"""Of the container itself: name → the values it may have."""

NETWORK = tuple(
    f"container_network_{direction}_{what}_total"
    for direction in ("receive", "transmit")
    for what in ("bytes", "errors", "packets", "packets_dropped")
)
"""Of the pod. The test leaves them out for containerd, whose cAdvisor has none; here they are."""

OF_THE_DISK = (
    *("container_fs_io_current", "container_fs_io_time_seconds_total"),
    *("container_fs_io_time_weighted_seconds_total", "container_fs_read_seconds_total"),
    *("container_fs_reads_merged_total", "container_fs_sector_reads_total"),
    *("container_fs_sector_writes_total", "container_fs_write_seconds_total"),
    "container_fs_writes_merged_total",
)
"""What the test allows to be missing, and is here: cAdvisor has the whole disk's numbers there."""

ABSENT: Mapping[str, str] = {}
"""Required, and not on the page: name → why."""


@pytest.fixture(scope="module")
def page(cri_host: CriHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    pod = cri_host.run_pod("busybox", namespace="conformance")
    try:
        # Something is written and read back, so that the kernel has a row for a disk.
        script = "dd if=/dev/zero of=/f bs=4k count=1 conv=fsync 2>/dev/null; exec sleep 1000"
        cri_host.start(pod, "busybox-container", ["/bin/sh", "-c", script], memory=MEMORY)
        directory = tmp_path_factory.mktemp("conformance")
        with agent_run(directory) as agent:
            # Writable layers are walked in the background.
            walked = "container_fs_usage_bytes"
            wait_until(lambda: of_container(agent.page(), walked) != [], 30, walked)
            yield agent.page()
    finally:
        cri_host.remove(pod)


def of_container(page: Page, metric: str) -> list[float]:
    return [
        value
        for _, value in page.series(metric, namespace="conformance", container="busybox-container")
    ]


@pytest.mark.parametrize("metric", sorted(REQUIRED))
def test_a_required_metric_is_there_and_within_its_bounds(page: Page, metric: str) -> None:
    found = of_container(page, metric)
    if metric in ABSENT:
        assert found == [], f"{metric} is on the page now: take it out of ABSENT"
        pytest.skip(f"absent: {ABSENT[metric]}")
    assert found != []
    assert [value for value in found if not REQUIRED[metric](value)] == []


@pytest.mark.parametrize("metric", NETWORK)
def test_a_pods_network_metric_is_there_once(page: Page, metric: str) -> None:
    ((labels, value),) = page.series(metric, namespace="conformance", pod="busybox")
    assert (labels["container"], labels["interface"]) == ("", "eth0")
    assert value >= 0


def test_no_number_of_the_whole_disk_is_told_as_the_containers(page: Page) -> None:
    assert [name for name in OF_THE_DISK if of_container(page, name) != []] == []
