"""What the harness works out by itself, without a guest."""

from __future__ import annotations

import platform

import pytest

from tests.guest.clock import counter_khz
from tests.guest.image import module_order
from tests.guest.kernels import CASES, Column, document
from tests.guest.probe_matrix import Tried

MODULES_DEP = """\
kernel/fs/ext4/ext4.ko.xz: kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/fs/mbcache.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz:
kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/virtio/virtio.ko.xz:
"""


def test_modules_come_after_what_they_need_and_built_in_ones_not_at_all() -> None:
    order = module_order(MODULES_DEP, ["virtio_pci", "virtio_blk", "ext4"])
    names = [path.rpartition("/")[2].removesuffix(".ko.xz") for path in order]
    assert names == ["virtio", "virtio_pci", "jbd2", "mbcache", "ext4"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="another counter")
def test_the_counters_rate_is_the_same_each_time() -> None:
    first, second = counter_khz(), counter_khz()
    assert first is not None
    assert second is not None
    assert first == pytest.approx(second, rel=0.001)
    assert 500_000 < first < 10_000_000


def test_the_page_of_kernels_says_what_runs_and_why_the_rest_does_not() -> None:
    case = CASES[0].name
    column = Column(
        "6.1",
        {
            (case, "libbpf", "tcp"): Tried("tcp", "libbpf", 3),
            (case, "libbpf", "dns"): Tried("dns", "libbpf", 2, {"errors": "no kfunc | x"}),
            (case, "libbpf", "bytes"): Tried("bytes", "libbpf", 1, unavailable="no BTF"),
        },
        {case: ""},
    )
    page = document([Column.from_json(column.to_json())], "2026-11-24")
    assert "| tcp | libbpf | all |" in page
    assert "| dns | libbpf | 1 of 2: not errors [1] |" in page
    assert "| bytes | libbpf | no [2] |" in page
    assert "1. no kfunc / x\n2. no BTF\n" in page
