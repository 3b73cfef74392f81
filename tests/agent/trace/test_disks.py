from __future__ import annotations

from pathlib import Path

from agent.bpf.io_counts import Device
from agent.trace.disks import disk_name


def test_a_disk_is_called_what_sysfs_calls_it(tmp_path: Path) -> None:
    (tmp_path / "254:0").symlink_to("../../devices/pci0000:00/virtio1/block/vda")
    assert disk_name(Device(254, 0), str(tmp_path)) == "vda"
    assert disk_name(Device(8, 16), str(tmp_path)) == "8:16"
