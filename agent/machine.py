"""Facts of the machine that do not change while it runs: ids, kernel, processor layout.

    /etc/machine-id                                 cc8a48ec6b5b4e0f9a7b...
    /sys/class/dmi/id/product_uuid                  "ec2f8a41-...", root only, x86 and some ARM
    /proc/device-tree/{system-id,vm,uuid}           the same on POWER, ended by a NUL
    /proc/sys/kernel/random/boot_id                 7c3a1d5e-...
    /proc/sys/kernel/osrelease                      6.1.0-18-amd64
    /etc/os-release                                 PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
    /sys/devices/system/cpu/cpuN/topology/{physical_package_id,core_id}

The same ids as in cAdvisor's labels machine_id, system_uuid and boot_id: a machine without firmware
that tells its UUID has its machine-id as system_uuid too. Text that is not there, or not for us to
read, is "".
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from agent.kernelfile import Denied, UnexpectedText, parse_count, read
from agent.records import dataclass

if TYPE_CHECKING:
    from agent.config import HostPaths

T = TypeVar("T")

_CPU = re.compile(r"cpu\d+\Z")


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine, from one boot to the next."""

    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""
    kernel: str = ""
    """uname -r."""
    os: str = ""
    """Name and version of the distribution."""
    sockets: int | None = None
    """Processor packages. None: sysfs does not say."""
    physical_cores: int | None = None
    """Cores; each may be several logical CPUs."""


def read_machine(paths: HostPaths, sys: str = "/sys") -> Machine:
    """
    Read it all once.

    `sys` is where sysfs is mounted; what is read there is the host's in every container.
    """
    packages, cores = _topology(f"{sys}/devices/system/cpu")
    machine_id = _text(paths.host("/etc/machine-id")) or _text(
        paths.host("/var/lib/dbus/machine-id")
    )
    return Machine(
        machine_id=machine_id,
        system_uuid=_system_uuid(f"{paths.proc}/device-tree", sys, machine_id),
        boot_id=_text(f"{paths.proc}/sys/kernel/random/boot_id"),
        kernel=_text(f"{paths.proc}/sys/kernel/osrelease"),
        os=_get(paths.host("/etc/os-release"), parse_os_release) or "",
        sockets=packages,
        physical_cores=cores,
    )


def parse_os_release(text: str) -> str:
    """PRETTY_NAME of os-release(5), which is written in shell syntax; "" without one."""
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            try:
                return " ".join(shlex.split(value))
            except ValueError:
                return value
    return ""


def _system_uuid(device_tree: str, sys: str, machine_id: str) -> str:
    """The first that there is; "" where that one is not for us to read: another is not the same."""
    for path in (
        f"{sys}/class/dmi/id/product_uuid",
        f"{device_tree}/system-id",
        f"{device_tree}/vm,uuid",
    ):
        if os.path.exists(path):
            return _text(path)
    return machine_id


def _topology(directory: str) -> tuple[int | None, int | None]:
    """(packages, cores) of the CPUs that are online: an offline one has no topology."""
    packages: set[int] = set()
    cores: set[tuple[int, int]] = set()
    try:
        names = [name for name in os.listdir(directory) if _CPU.match(name)]
    except OSError:
        return None, None  # no sysfs in here
    for name in names:
        package = _get(f"{directory}/{name}/topology/physical_package_id", parse_count)
        core = _get(f"{directory}/{name}/topology/core_id", parse_count)
        if package is not None and core is not None:
            packages.add(package)
            cores.add((package, core))
    return len(packages) or None, len(cores) or None


def _text(path: str) -> str:
    return _get(path, lambda text: text.strip("\0 \n")) or ""


def _get(path: str, parse: Callable[[str], T]) -> T | None:
    try:
        return read(path, parse)
    except (Denied, UnexpectedText):
        return None  # product_uuid is root's; a label less, and nothing else depends on it
