"""What this host and this process allow, as far as files say: the input of support.py.

Nothing is loaded into the kernel, and bcc is never imported (its compiler would stay in memory).

    /sys/kernel/btf/vmlinux          the kernel's types; only their names are looked for
    /proc/self/status                CapEff: 000001fffeffffff
    /proc/self/uid_map               "0 0 4294967295" in the first user namespace
    /proc/self/mounts                is there a cgroup2 hierarchy
    /sys/kernel/security/lockdown    none [integrity] confidentiality
"""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agent.bpf import libbpf
from agent.bpf.attach import parse_cgroup2
from agent.records import NamedTuple, dataclass

CAP_NET_ADMIN: Final = 12
CAP_SYS_ADMIN: Final = 21
CAP_SYS_RESOURCE: Final = 24
CAP_PERFMON: Final = 38
CAP_BPF: Final = 39
"""Bits of CapEff, include/uapi/linux/capability.h. BPF and PERFMON are new in Linux 5.8."""

_NOT_LOCKED: Final = (5, 11)
"""Linux kernel commit 97306be45fbe ("bpf: Eliminate rlimit-based memory accounting for bpf progs")
and its kin (in v5.11): from then on BPF's memory is the cgroup's."""

_CHUNK: Final = 1 << 20

_BCC_DIRECTORIES: Final = ("python3/dist-packages", "python3*/site-packages")
"""Under /usr/lib: where distributions put bcc. PyPI's "bcc" is another package."""

_VERSION: Final = re.compile(r"""__version__\s*=\s*['"]([^'"]+)['"]""")


class Bcc(NamedTuple):
    """An installed BPF compiler collection."""

    directory: str
    """For sys.path of the child that imports it."""
    version: str
    """"0.26.0"; "" where its version.py has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One look. Compare `support.decide`."""

    kernel: str
    """uname -r, for messages only: decisions are made on features. What `locked_memory` needs to
    know of it no feature says."""
    btf: bool
    tracepoints: frozenset[str]
    """Of those asked for, the ones this kernel has, by its BTF."""
    kfuncs: frozenset[str] = frozenset()
    """Likewise."""
    cgroup2: bool
    """A cgroup2 hierarchy is mounted: without one all processes are in its root, id 1."""
    capabilities: int
    """CapEff."""
    first_user_namespace: bool
    """False in a rootless container, where capabilities do not reach BPF."""
    lockdown: str | None
    """none, integrity, confidentiality; None where securityfs does not say."""
    libbpf: str | None
    """Version of libbpf.so.1, None where it is not there."""
    bcc: Bcc | None
    bpftool: str | None
    """Its path. bcc gets the kernel's types through it."""
    locked_memory: int | None = None
    """Bytes that maps and programs may take, RLIMIT_MEMLOCK; None where nothing limits them."""


def gather(
    tracepoints: Iterable[str],
    kfuncs: Iterable[str] = (),
    *,
    proc: str = "/proc",
    sys: str = "/sys",
    lib: str = "/usr/lib",
) -> Facts:
    """Look at everything. `tracepoints`, `kfuncs`: the names to look for in BTF."""
    tracepoints, kfuncs = frozenset(tracepoints), frozenset(kfuncs)
    types = {f"btf_trace_{name}" for name in tracepoints}
    names = _read_btf(f"{sys}/kernel/btf/vmlinux", types | kfuncs)
    return Facts(
        kernel=platform.release(),
        btf=names is not None,
        tracepoints=frozenset(n for n in tracepoints if f"btf_trace_{n}" in (names or ())),
        kfuncs=kfuncs & (names or frozenset()),
        cgroup2=bool(parse_cgroup2(_read(f"{proc}/self/mounts") or "")),
        capabilities=parse_capabilities(_read(f"{proc}/self/status") or ""),
        first_user_namespace=parse_first_user_namespace(_read(f"{proc}/self/uid_map")),
        lockdown=parse_lockdown(_read(f"{sys}/kernel/security/lockdown")),
        libbpf=libbpf.version(),
        bcc=find_bcc(lib),
        bpftool=shutil.which("bpftool", path=_search_path()),
        locked_memory=memory_limit(
            platform.release(), resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        ),
    )


def memory_limit(kernel: str, limit: int) -> int | None:
    """Bytes that BPF may take on this kernel, by uname -r and RLIMIT_MEMLOCK; None: no limit."""
    found = re.match(r"(\d+)\.(\d+)", kernel)
    if found is None or (int(found[1]), int(found[2])) >= _NOT_LOCKED:
        return None
    return None if limit == resource.RLIM_INFINITY else limit


def parse_capabilities(text: str) -> int:
    """CapEff of a /proc/PID/status; 0 where there is no such line."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            return int(value, 16)
    return 0


def parse_lockdown(text: str | None) -> str | None:
    """The word in brackets."""
    chosen = re.search(r"\[(\w+)\]", text or "")
    return chosen[1] if chosen else None


def parse_first_user_namespace(text: str | None) -> bool:
    """Is every id mapped to itself. A kernel without user namespaces has no file."""
    return text is None or text.split() == ["0", "0", "4294967295"]


def find_bcc(lib: str) -> Bcc | None:
    """Find the distribution's bcc by its files. PyPI's package of that name has no libbcc.py."""
    for pattern in _BCC_DIRECTORIES:
        for directory in sorted(map(str, Path(lib).glob(pattern))):
            if os.path.exists(f"{directory}/bcc/libbcc.py"):
                found = _VERSION.search(_read(f"{directory}/bcc/version.py") or "")
                return Bcc(directory, found[1] if found else "")
    return None


def _read_btf(path: str, names: Iterable[str]) -> frozenset[str] | None:
    """
    Which names are in the kernel's BTF; None where there is no BTF.

    A tracepoint has a `typedef … btf_trace_NAME`, which is also what libbpf looks for, a kfunc a
    function. Only the string table is searched, a piece at a time: 5 MiB, 3 ms, and no copy of it
    in memory.
    """
    wanted = {name: b"\0" + name.encode() + b"\0" for name in names}
    overlap = max((len(text) for text in wanted.values()), default=0)
    found: set[str] = set()
    try:
        with open(path, "rb", buffering=0) as file:
            tail = b""
            while chunk := file.read(_CHUNK):
                window = tail + chunk
                found.update(name for name, text in wanted.items() if text in window)
                tail = window[-overlap:]
    except (FileNotFoundError, PermissionError):
        return None
    return frozenset(found)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except (FileNotFoundError, PermissionError):
        return None


def _search_path() -> str:
    # A service's PATH often lacks sbin, where Debian puts bpftool.
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
