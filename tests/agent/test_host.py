"""agent.host: the names of block devices. What it reads of the machine, test_sampler.py has."""

from __future__ import annotations

import os
from pathlib import Path

from agent.config import HostPaths
from agent.host import Host


def test_devices_are_called_as_their_nodes_in_dev(tmp_path: Path) -> None:
    os.symlink("../../devices/pci0000:00/block/nvme0n1", tmp_path / "259:0")
    os.symlink("../../devices/pci0000:00/block/cciss!c0d0", tmp_path / "104:0")
    host = Host(HostPaths(proc=str(tmp_path), sys_block=str(tmp_path)))
    assert host.device_names({(259, 0), (104, 0), (7, 7)}) == {
        (259, 0): "/dev/nvme0n1",
        (104, 0): "/dev/cciss/c0d0",
    }


def test_a_number_that_was_free_for_a_while_is_looked_up_anew(tmp_path: Path) -> None:
    link = tmp_path / "253:0"
    host = Host(HostPaths(proc=str(tmp_path), sys_block=str(tmp_path)))
    os.symlink("block/dm-0", link)
    assert host.device_names({(253, 0)}) == {(253, 0): "/dev/dm-0"}
    assert host.device_names(set()) == {}
    link.unlink()
    os.symlink("block/sdz", link)
    assert host.device_names({(253, 0)}) == {(253, 0): "/dev/sdz"}


def test_what_of_a_machine_is_not_there_is_none_and_no_failure(tmp_path: Path) -> None:
    failures: list[str] = []
    found = Host(HostPaths(proc=str(tmp_path / "none"))).read(failures.append)
    assert (found.cpu, found.meminfo, found.network, found.io_pressure) == (None,) * 4
    assert failures == []
