"""A recorded page of a real kubelet: the catalogue has all of it that has no reason to be left out.

Of Kubernetes 1.34.2 on a hybrid host (tests/fixtures/kubelet_pages.py). Live pages are compared,
with their numbers, in tests/host/test_kubelet.py.
"""

from __future__ import annotations

import pytest

from exporters.prometheus.catalog import metrics_of, select
from exporters.prometheus.metric import SnapshotMetric
from tests.fixtures.kubelet_pages import cadvisor_v1
from tests.host.known_differences import reason_of

PAGE = cadvisor_v1()
OURS = {metric.name: metric for metric in metrics_of(select())}
OF_CONTAINERS = {"container", "id", "image", "name", "namespace", "pod"}
WANTED = sorted(key for key in PAGE.told if reason_of(key) is None)


def test_the_page_is_of_every_kind_of_cgroup() -> None:
    ids = {dict(labels).get("id", "") for _, labels in WANTED}
    assert {id_.count("/") for id_ in ids} == {0, 1, 2, 3, 4}
    assert len(WANTED) > 200


@pytest.mark.parametrize("name", sorted({name for name, _ in WANTED}))
def test_a_name_of_the_kubelets_is_on_our_page_by_default_with_its_type(name: str) -> None:
    kind = PAGE.types[name]
    # No format lets a counter be called so, and inodes are no counter.
    odd = {"container_memory_failcnt", "container_fs_inodes_total"}
    assert OURS[name].type == ("untyped" if name in odd else kind)


@pytest.mark.parametrize("name", sorted({name for name, _ in WANTED}))
def test_every_series_of_it_has_our_labels(name: str) -> None:
    metric = OURS[name]
    base = set() if isinstance(metric, SnapshotMetric) else OF_CONTAINERS
    told = {frozenset(dict(labels)) for found, labels in WANTED if found == name}
    assert told == {frozenset(base | set(metric.labels))}
