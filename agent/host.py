"""The machine itself at one instant, and what its block devices are called.

PROC/{stat,meminfo}, PROC/pressure/*    the machine's in every container
PROC/1/net/dev                          interfaces of the host's network namespace
SYS_BLOCK/MAJOR:MINOR                   a link whose last part is the device's name
"""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from typing import TypeVar

from agent.cgroupfs.pressure import Pressure, parse_pressure
from agent.config import HostPaths
from agent.container.process import boot_time
from agent.faults import told
from agent.kernelfile import Denied, UnexpectedText, device_path, read
from agent.machine import read_machine
from agent.model import HostSample
from agent.procfs.meminfo import parse_meminfo
from agent.procfs.net_dev import parse_net_dev
from agent.procfs.stat import parse_stat

T = TypeVar("T")


class Host:
    """Reads the machine each tick. Not thread-safe."""

    def __init__(self, paths: HostPaths) -> None:
        """Read what does not change until the next boot."""
        self._proc = paths.proc
        self._sys_block = paths.sys_block
        self._machine = read_machine(paths)
        self._names: dict[tuple[int, int], str] = {}

    def read(self, failed: Callable[[str], None]) -> HostSample:
        """The machine now. `failed` gets in words what could not be read, which is None."""

        def get(path: str, parse: Callable[[str], T]) -> T | None:
            try:
                return read(f"{self._proc}/{path}", parse)
            except (Denied, UnexpectedText) as error:
                failed(told(error))
                return None

        def pressure(resource: str) -> Pressure | None:
            return get(f"pressure/{resource}", parse_pressure)

        return HostSample(
            cores=os.cpu_count() or 1,
            boot_time=boot_time(),
            cpu=get("stat", parse_stat),
            meminfo=get("meminfo", parse_meminfo),
            network=get("1/net/dev", parse_net_dev),
            cpu_pressure=pressure("cpu"),
            memory_pressure=pressure("memory"),
            io_pressure=pressure("io"),
            machine=self._machine,
        )

    def device_names(self, numbers: Set[tuple[int, int]]) -> dict[tuple[int, int], str]:
        """
        (major, minor) → "/dev/NAME", of each in `numbers`, which are all that are in use.

        One the kernel does not name is left out.
        """
        for number in numbers - self._names.keys():
            name = device_path(self._sys_block, number)
            if name is not None:
                self._names[number] = name
        for number in self._names.keys() - numbers:
            # A number is used again after its device is gone: look again when it comes back.
            del self._names[number]
        return dict(self._names)
