"""bpf(2) for what a running probe needs: attach a program, read and clear its maps.

Docs    https://docs.kernel.org/userspace-api/ebpf/syscall.html, include/uapi/linux/bpf.h

Every call takes file descriptors which the caller owns. The kernel's refusals are raised as OSError
with the command's name. Nothing here opens, loads or pins a program: that is the loaders' work.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from typing import Final

from agent.records import NamedTuple

MAP_LOOKUP: Final = 1
MAP_UPDATE: Final = 2
MAP_DELETE: Final = 3
OBJ_GET_INFO_BY_FD: Final = 15
RAW_TRACEPOINT_OPEN: Final = 17
MAP_LOOKUP_BATCH: Final = 24
LINK_CREATE: Final = 28
ENABLE_STATS: Final = 32
ITER_CREATE: Final = 33

_COMMANDS: Final = {
    MAP_LOOKUP: "BPF_MAP_LOOKUP_ELEM",
    MAP_UPDATE: "BPF_MAP_UPDATE_ELEM",
    MAP_DELETE: "BPF_MAP_DELETE_ELEM",
    OBJ_GET_INFO_BY_FD: "BPF_OBJ_GET_INFO_BY_FD",
    RAW_TRACEPOINT_OPEN: "BPF_RAW_TRACEPOINT_OPEN",
    MAP_LOOKUP_BATCH: "BPF_MAP_LOOKUP_BATCH",
    LINK_CREATE: "BPF_LINK_CREATE",
    ENABLE_STATS: "BPF_ENABLE_STATS",
    ITER_CREATE: "BPF_ITER_CREATE",
}

_NUMBERS: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
"""bpf(2)'s number on each machine; libc has no wrapper."""

_RUN_TIME_OFFSET: Final = 192
_STATS_RUN_TIME: Final = 0  # enum bpf_stats_type

_TRACE_ITER: Final = 28  # enum bpf_attach_type
_DESCENDANTS_PRE: Final = 2  # enum bpf_cgroup_iter_order
_WALK_INFO: Final = 16  # sizeof(union bpf_iter_link_info)

_BATCH: Final = 1024
"""Entries a call. A hash bucket must fit; buckets hold about one entry each."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class MapInfo(NamedTuple):
    """The head of struct bpf_map_info. Sizes in bytes."""

    type: int
    id: int
    key_size: int
    value_size: int
    max_entries: int


def map_info(map_fd: int) -> MapInfo:
    """What the kernel says a map is."""
    return MapInfo._make(struct.unpack_from("=5I", _object_info(map_fd)))


class ProgramInfo(NamedTuple):
    """The head of struct bpf_prog_info."""

    type: int
    """enum bpf_prog_type."""
    id: int
    """The kernel's number, as in `bpftool prog show id N`."""


def program_info(program_fd: int) -> ProgramInfo:
    """What the kernel says a program is."""
    return ProgramInfo._make(struct.unpack_from("=2I", _object_info(program_fd)))


def program_run_time(program_fd: int) -> tuple[int, int]:
    """
    (nanoseconds, runs) of a loaded program, counted while BPF statistics are on.

    run_time_ns and run_cnt of struct bpf_prog_info, whose layout is Linux ABI.
    """
    ns, runs = struct.unpack_from("=2Q", _object_info(program_fd), _RUN_TIME_OFFSET)
    return int(ns), int(runs)


def program_misses(program_fd: int) -> int:
    """
    Events a program was not run for, since it was running on that CPU already: an interrupt came.

    recursion_misses, also counted while statistics are off. 0 on kernels that do not count it:
    Linux kernel commit 9ed9e9ba2337 ("bpf: Count the number of times recursion was prevented") (in
    v5.12).
    """
    (misses,) = struct.unpack_from("=Q", _object_info(program_fd), _RUN_TIME_OFFSET + 16)
    return int(misses)


def enable_stats() -> int:
    """
    Have the kernel count the runs of all BPF programs until the returned descriptor is closed.

    Needs CAP_SYS_ADMIN.
    """
    return _bpf(ENABLE_STATS, struct.pack("=I", _STATS_RUN_TIME), keep=None)


def attach_raw_tracepoint(program_fd: int, name: str) -> int:
    """
    Attach a program to a raw tracepoint; the returned descriptor is the attachment.

    `name` is "" for a tp_btf program, which was loaded for one tracepoint. The program runs until
    every copy of that descriptor is closed, by a crash as well.
    """
    text = ctypes.create_string_buffer(name.encode())
    address = ctypes.addressof(text) if name else 0
    return _bpf(RAW_TRACEPOINT_OPEN, struct.pack("=QI4x", address, program_fd), keep=text)


def create_link(program_fd: int, target_fd: int, attach_type: int) -> int:
    """
    Attach a program to what a descriptor stands for, a cgroup; the result is the attachment.

    Linux kernel commit af6eea57437a ("bpf: Implement bpf_link-based cgroup BPF program attachment")
    (in v5.7).
    """
    return _bpf(LINK_CREATE, struct.pack("=3I4x32x", program_fd, target_fd, attach_type), keep=None)


def create_cgroup_walk(program_fd: int, directory_fd: int) -> int:
    """
    A link of an iter/cgroup program to a directory: walks of it and all below, parents first.

    Linux kernel commit d4ccaf58a847 ("bpf: Introduce cgroup iter") (in v6.1).
    """
    info = ctypes.create_string_buffer(
        struct.pack("=2IQ", _DESCENDANTS_PRE, directory_fd, 0), _WALK_INFO
    )
    return _bpf(
        LINK_CREATE,
        struct.pack("=4IQI", program_fd, 0, _TRACE_ITER, 0, ctypes.addressof(info), _WALK_INFO),
        keep=info,
    )


def create_iterator(link_fd: int) -> int:
    """One walk of a link made for walks: reading the result to its end runs the program."""
    return _bpf(ITER_CREATE, struct.pack("=2I", link_fd, 0), keep=None)


def lookup(map_fd: int, key: bytes, value_size: int) -> bytes | None:
    """
    The value of one key, None where the map has no such key.

    `value_size` is in bytes; of a per-CPU map it is 8 bytes (or the value rounded up to 8) for each
    possible CPU.
    """
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value = ctypes.create_string_buffer(value_size)
    try:
        _bpf(MAP_LOOKUP, _element(map_fd, key_buffer, value), keep=(key_buffer, value))
    except FileNotFoundError:
        return None
    return value.raw


def update(map_fd: int, key: bytes, value: bytes) -> None:
    """
    Set the value of one key, whether the map has it or not.

    `value` of a per-CPU map is one for each possible CPU, each rounded up to 8 bytes.
    """
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value_buffer = ctypes.create_string_buffer(value, len(value))
    _bpf(MAP_UPDATE, _element(map_fd, key_buffer, value_buffer), keep=(key_buffer, value_buffer))


def delete(map_fd: int, key: bytes) -> bool:
    """Remove one key. False where the map did not have it."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    try:
        _bpf(MAP_DELETE, _element(map_fd, key_buffer), keep=key_buffer)
    except FileNotFoundError:
        return False
    return True


def batches(map_fd: int, key_size: int, value_size: int) -> Iterator[tuple[bytes, bytes]]:
    """
    A hash map's content: (keys one after the other, their values one after the other), per call.

    Each bucket is copied whole, so an entry that stays in the map appears once.

    Needs Linux kernel commit 057996380a42 ("bpf: Add batch ops to all htab bpf map") (in v5.6).
    """
    room = _BATCH
    cursor = ctypes.create_string_buffer(8)
    following = ctypes.create_string_buffer(8)
    started = False
    while True:
        keys = ctypes.create_string_buffer(room * key_size)
        values = ctypes.create_string_buffer(room * value_size)
        attributes = bytearray(
            struct.pack(
                "=4Q2I2Q",
                ctypes.addressof(cursor) if started else 0,
                ctypes.addressof(following),
                ctypes.addressof(keys),
                ctypes.addressof(values),
                room,
                map_fd,
                0,
                0,
            )
        )
        last = False
        try:
            _bpf(MAP_LOOKUP_BATCH, attributes, keep=(cursor, following, keys, values))
        except FileNotFoundError:
            last = True  # The end of the map: this batch is still filled.
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            room *= 2  # One bucket holds more than a batch. Ask for the same bucket again.
            continue
        (count,) = struct.unpack_from("=I", attributes, 32)
        yield keys.raw[: count * key_size], values.raw[: count * value_size]
        if last:
            return
        cursor, following, started = following, cursor, True


def _element(
    map_fd: int,
    key: ctypes.Array[ctypes.c_char],
    value: ctypes.Array[ctypes.c_char] | None = None,
) -> bytes:
    address = ctypes.addressof(value) if value is not None else 0
    return struct.pack("=I4x3Q", map_fd, ctypes.addressof(key), address, 0)


def _object_info(fd: int) -> bytes:
    info = ctypes.create_string_buffer(256)
    attributes = struct.pack("=2IQ", fd, len(info), ctypes.addressof(info))
    _bpf(OBJ_GET_INFO_BY_FD, attributes, keep=info)
    return info.raw


def _bpf(command: int, attributes: bytes | bytearray, keep: object) -> int:
    """
    One call. A bytearray gets back what the kernel wrote into it, also where the call fails.

    `keep`: buffers whose addresses are in `attributes`; named here so that they outlive the call.
    """
    number = _NUMBERS.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"bpf(2) has no known number on {platform.machine()}")
    buffer = ctypes.create_string_buffer(bytes(attributes), len(attributes))
    result = int(
        _libc.syscall(
            ctypes.c_long(number),
            ctypes.c_int(command),
            buffer,
            ctypes.c_uint(len(buffer)),
        )
    )
    code = ctypes.get_errno()
    if isinstance(attributes, bytearray):
        attributes[:] = buffer.raw
    del keep
    if result < 0:
        raise OSError(code, f"{_COMMANDS[command]}: {os.strerror(code)}")
    return result
