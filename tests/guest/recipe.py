"""What is in the guest: its distribution, packages and kernels.

All of it goes into the image's key, so that a changed recipe makes a new image.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
VERSION: Final = 1
"""Raised where image.py makes something else of the same recipe."""
SUITE: Final = "trixie"
"""Debian 13: systemd 257, Docker 26, containerd 1.7, Podman 5.4, Python 3.13."""

PACKAGES: Final = (
    *("systemd", "systemd-sysv", "udev", "dbus", "qemu-guest-agent", "kmod", "procps"),
    *("iproute2", "iptables", "ca-certificates", "git", "util-linux"),
    *("python3", "python3-venv", "python3-bpfcc", "libbpf1", "bpftool", "busybox-static"),
    *("docker.io", "docker-cli", "containerd", "runc", "crun", "conmon", "podman", "netavark"),
    *("lxc", "systemd-container", "containernetworking-plugins"),
    # For rootless Podman: a user's systemd, and the ranges of ids its containers get.
    *("libpam-systemd", "dbus-user-session", "uidmap", "passt"),
)
DISABLED: Final = (
    *("docker.service", "docker.socket", "containerd.service", "podman.service", "podman.socket"),
    *("podman-auto-update.timer", "podman-restart.service", "lxc.service", "lxc-net.service"),
    *("lxc-monitord.service", "apt-daily.timer", "apt-daily-upgrade.timer"),
    *("dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer", "e2scrub_reap.service"),
    *("systemd-networkd.service", "systemd-pstore.service", "getty@tty1.service"),
    *("machines.target", "podman-clean-transient.service", "systemd-timesyncd.service"),
)
"""What a guest need not start by itself: emulated, each second of a daemon's is twenty."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A packaged kernel."""

    name: str
    suite: str
    package: str = "linux-image-cloud-amd64"
    """The metapackage, which depends on the kernel of the day."""


KERNELS: Final = (
    Kernel("6.1", "bookworm"),
    Kernel("6.12", "trixie"),
    Kernel("newest", "sid"),
)
DEFAULT_KERNEL: Final = "6.12"


def key() -> str:
    """Name the image that this recipe and the locked Python packages make."""
    digest = blake2b(digest_size=8)
    digest.update(Path(__file__).read_bytes())
    for name in ("run.txt", "dev.txt"):
        digest.update((REPOSITORY / "deploy/requirements" / name).read_bytes())
    return digest.hexdigest()
