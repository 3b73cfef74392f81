"""Linux capabilities: their numbers, and which of them a container has without asking.

Docs    https://man7.org/linux/man-pages/man7/capabilities.7.html
        include/uapi/linux/capability.h has the numbers

Names are written without CAP_, as `docker run --cap-add` takes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

NAMES: Final = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"),
    *("SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"),
    *("IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"),
    *("SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"),
    *("LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"),
    *("WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"),
)
"""Index is the capability's number."""

DEFAULT: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""What Docker and containerd give a container that asks for none. Podman and CRI-O give fewer."""


Capabilities = frozenset[str]


@lru_cache(maxsize=64)
def from_mask(mask: int) -> Capabilities:
    """The names in a bit mask; one newer than this list is called by its number, "CAP_41"."""
    return frozenset(
        NAMES[number] if number < len(NAMES) else f"CAP_{number}"
        for number in range(mask.bit_length())
        if mask >> number & 1
    )


def from_names(names: Iterable[str]) -> Capabilities:
    """The names in an OCI spec: ("CAP_CHOWN", …) → {"CHOWN", …}."""
    return frozenset(name.upper().removeprefix("CAP_") for name in names)


def listed(found: Capabilities) -> str:
    """For a person: "NET_ADMIN, SYS_ADMIN", or how many where that would fill the line."""
    names = sorted(found)
    if len(names) <= 8:
        return ", ".join(names)
    return f"{', '.join(names[:6])} and {len(names) - 6} more"
