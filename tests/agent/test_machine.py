"""agent.machine: ids, kernel and processor layout, from files of a made-up host."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import HostPaths
from agent.machine import Machine, parse_os_release, read_machine


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def cpu(sys: Path, number: int, package: int, core: int) -> None:
    topology = sys / f"devices/system/cpu/cpu{number}/topology"
    write(topology / "physical_package_id", f"{package}\n")
    write(topology / "core_id", f"{core}\n")


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    return HostPaths(root=str(tmp_path / "host"), proc=str(tmp_path / "proc"))


def test_ids_kernel_and_distribution_are_read_from_the_host(
    paths: HostPaths, tmp_path: Path
) -> None:
    write(tmp_path / "host/etc/machine-id", "m1\n")
    write(tmp_path / "host/etc/os-release", 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n')
    write(tmp_path / "proc/sys/kernel/random/boot_id", "b1\n")
    write(tmp_path / "proc/sys/kernel/osrelease", "6.1.0\n")
    write(tmp_path / "sys/class/dmi/id/product_uuid", "s1\n")
    for number in range(8):  # two packages of two cores of two threads
        cpu(tmp_path / "sys", number, number % 2, number // 2 % 2)
    (tmp_path / "sys/devices/system/cpu/cpuidle").mkdir()
    (tmp_path / "sys/devices/system/cpu/cpu8").mkdir()  # offline: without a topology
    assert read_machine(paths, str(tmp_path / "sys")) == Machine(
        "m1", "s1", "b1", "6.1.0", "Debian GNU/Linux 12", sockets=2, physical_cores=4
    )


def test_what_is_not_there_is_empty_and_not_zero(paths: HostPaths, tmp_path: Path) -> None:
    assert read_machine(paths, str(tmp_path / "sys")) == Machine()


def test_dbus_machine_id_is_used_where_there_is_no_other(paths: HostPaths, tmp_path: Path) -> None:
    write(tmp_path / "host/var/lib/dbus/machine-id", "d1\n")
    assert read_machine(paths, str(tmp_path / "sys")).machine_id == "d1"


@pytest.mark.parametrize("name", ["system-id", "vm,uuid"])
def test_the_system_uuid_of_power_is_in_its_device_tree(
    paths: HostPaths, tmp_path: Path, name: str
) -> None:
    write(tmp_path / f"proc/device-tree/{name}", "u1\0")
    write(tmp_path / "host/etc/machine-id", "m1\n")
    assert read_machine(paths, str(tmp_path / "sys")).system_uuid == "u1"


def test_without_firmware_that_tells_the_system_uuid_is_the_machine_id_as_in_cadvisor(
    paths: HostPaths, tmp_path: Path
) -> None:
    write(tmp_path / "host/etc/machine-id", "m1\n")
    assert read_machine(paths, str(tmp_path / "sys")).system_uuid == "m1"


def test_a_system_uuid_that_is_there_and_not_told_is_not_replaced_by_another_id(
    paths: HostPaths, tmp_path: Path
) -> None:
    write(tmp_path / "host/etc/machine-id", "m1\n")
    write(tmp_path / "sys/class/dmi/id/product_uuid", "")
    assert read_machine(paths, str(tmp_path / "sys")).system_uuid == ""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("PRETTY_NAME='Alpine Linux v3.20'", "Alpine Linux v3.20"),
        ("PRETTY_NAME=Flatcar", "Flatcar"),
        ('PRETTY_NAME="torn', '"torn'),
        ("", ""),
    ],
)
def test_os_release_is_shell_syntax(line: str, name: str) -> None:
    assert parse_os_release(f"ID=x\n{line}\nVERSION_ID=1\n") == name


def test_this_machine_says_who_it_is() -> None:
    machine = read_machine(HostPaths())
    assert machine.kernel
    assert machine.boot_id
