"""config.json of a bundle: what runc and crun are told.

Docs    https://github.com/opencontainers/runtime-spec/blob/main/config.md

The same isolation Docker gives by default, less seccomp and with no network but loopback.
"""

from __future__ import annotations

import json
from typing import Final

from agent.demo.client import Job

_PERIOD: Final = 100_000
"""Microseconds: the kernel's default."""

_CAPABILITIES: Final = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
]
_MASKED: Final = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"]
_READ_ONLY: Final = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
_SAFE: Final = ["nosuid", "noexec", "nodev"]
_MOUNTS: Final = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": _SAFE},
    {
        "destination": "/dev",
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
        "destination": "/dev/pts",
        "type": "devpts",
        "source": "devpts",
        "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
    },
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*_SAFE, "ro"]},
]
_NAMESPACES: Final = ("pid", "network", "ipc", "uts", "mount")


def config(job: Job, hostname: str) -> str:
    """The JSON text of config.json; the root filesystem is in rootfs/ beside it."""
    # No rule for devices: the capabilities below cannot make one, and crun's rule on cgroup v2 is a
    # BPF program, for which it wants CAP_SYS_RESOURCE.
    resources: dict[str, object] = {}
    if job.cpus is not None:
        resources["cpu"] = {"quota": round(job.cpus * _PERIOD), "period": _PERIOD}
    if job.memory is not None:
        resources["memory"] = {"limit": job.memory, "swap": job.memory}
    sets = ("bounding", "effective", "permitted")
    return json.dumps(
        {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False,
                "user": {"uid": 0, "gid": 0},
                "args": list(job.argv),
                "env": ["PATH=/bin"],
                "cwd": "/",
                "capabilities": dict.fromkeys(sets, _CAPABILITIES),
                "noNewPrivileges": True,
            },
            "root": {"path": "rootfs", "readonly": False},
            "hostname": hostname,
            "mounts": _MOUNTS,
            "annotations": dict(job.labels),
            "linux": {
                "cgroupsPath": f"/{job.name}",
                "resources": resources,
                "namespaces": [{"type": name} for name in _NAMESPACES],
                "maskedPaths": _MASKED,
                "readonlyPaths": _READ_ONLY,
            },
        },
        indent=1,
    )
