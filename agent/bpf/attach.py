"""Have the kernel run a loaded program, by its kind. What either loader loaded is attached here.

An attachment is a descriptor, or one for each CPU, and ends when its last copy is closed.

Docs    bpf(2), perf_event_open(2), include/uapi/linux/perf_event.h
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import struct
from typing import Final

from agent.bpf import syscall
from agent.bpf.cpus import online_cpus
from agent.bpf.probeset import Program, Sampling

_TRACING: Final = 26  # BPF_PROG_TYPE_TRACING: what a tp_btf program is
_CGROUP_TYPES: Final = {"cgroup_ingress": 0, "cgroup_egress": 1}  # enum bpf_attach_type

_ROOT: Final = 1
"""The root cgroup's id, and so its inode."""

_SOFTWARE: Final = 1  # PERF_TYPE_SOFTWARE
_EVENTS: Final = {
    "cpu-clock": 0,
    "page-faults": 2,
    "context-switches": 3,
    "page-faults-min": 5,
    "page-faults-maj": 6,
}
"""enum perf_sw_ids."""
_FREQ: Final = 1 << 10  # perf_event_attr: sample_period is a frequency
_CLOEXEC: Final = 8  # PERF_FLAG_FD_CLOEXEC
_SET_BPF: Final = 0x40042408  # PERF_EVENT_IOC_SET_BPF
_ENABLE: Final = 0x2400  # PERF_EVENT_IOC_ENABLE
_ATTRIBUTES: Final = 64  # PERF_ATTR_SIZE_VER0
_NUMBERS: Final = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "s390x": 331}
"""perf_event_open(2)'s number."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def attach(program: Program, fd: int) -> tuple[int, ...]:
    """Return the descriptors of the attachment of the program `fd`. Raise OSError if refused."""
    if program.sampling is not None:
        return _sample(program.sampling, fd)
    if program.kind in _CGROUP_TYPES:
        return (_attach_cgroup(fd, _CGROUP_TYPES[program.kind]),)
    typed = syscall.program_info(fd).type == _TRACING
    return (syscall.attach_raw_tracepoint(fd, "" if typed else program.tracepoint),)


def parse_cgroup2(mounts: str) -> tuple[str, ...]:
    """Where the cgroup2 hierarchy is mounted, by the text of /proc/PID/mounts."""
    lines = [line.split(" ") for line in mounts.splitlines()]
    return tuple(fields[1].replace("\\040", " ") for fields in lines if fields[2:3] == ["cgroup2"])


def cgroup2_root(mounts: str = "/proc/self/mounts") -> str | None:
    """
    Where the root of the whole cgroup2 hierarchy is to be seen; None where it is not.

    In a cgroup namespace of its own a container sees its own cgroup as the root. The kernel's is
    the one with the inode 1.
    """
    with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
        found = parse_cgroup2(file.read())
    return next((path for path in found if os.stat(path).st_ino == _ROOT), None)


def _attach_cgroup(fd: int, attach_type: int) -> int:
    root = cgroup2_root()
    if root is None:
        raise FileNotFoundError(
            "the root of the cgroup2 hierarchy is not to be seen here: this container needs the"
            " host's cgroup namespace, or the host's /sys/fs/cgroup"
        )
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return syscall.create_link(fd, directory, attach_type)
    finally:
        os.close(directory)


def _sample(sampling: Sampling, fd: int) -> tuple[int, ...]:
    events: list[int] = []
    try:
        for cpu in online_cpus():
            events.append(_open_event(sampling, cpu))
            fcntl.ioctl(events[-1], _SET_BPF, fd)
            fcntl.ioctl(events[-1], _ENABLE, 0)
    except BaseException:  # whatever ends it: nothing stays open, and it is raised on
        for event in events:
            os.close(event)
        raise
    return tuple(events)


def _open_event(sampling: Sampling, cpu: int) -> int:
    """One CPU's event, of whatever process is on it."""
    attributes = ctypes.create_string_buffer(
        struct.pack(
            "=2I5Q2IQ",
            _SOFTWARE,
            _ATTRIBUTES,
            _EVENTS[sampling.event],
            sampling.hertz or sampling.period,
            0,
            0,
            _FREQ if sampling.hertz else 0,
            1,
            0,
            0,
        ),
        _ATTRIBUTES,
    )
    result = int(
        _libc.syscall(
            ctypes.c_long(_NUMBERS[platform.machine()]),
            attributes,
            ctypes.c_int(-1),
            ctypes.c_int(cpu),
            ctypes.c_int(-1),
            ctypes.c_ulong(_CLOEXEC),
        )
    )
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"perf_event_open of {sampling.event}: {os.strerror(code)}")
    return result
