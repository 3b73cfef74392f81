"""A wire between two containers that were started with `--network none`.

Addresses are TEST-NET-1's (RFC 5737): both ends are in namespaces of the test's own containers, and
nothing leaves them.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

ADDRESSES = ("192.0.2.1", "192.0.2.2")


def need_ip() -> None:
    """Skip the test where the tools are not there."""
    missing = [program for program in ("ip", "nsenter") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)} (packages iproute2, util-linux)")


def inside(pid: int) -> list[str]:
    """What to put before a command to run it in the network namespace of `pid`."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def connect(a: int, b: int) -> None:
    """Give each of the two processes' namespaces an eth0, with one of `ADDRESSES`."""
    link = f"t{os.getpid()}"
    _ip("link", "add", f"{link}a", "type", "veth", "peer", "name", f"{link}b")
    for pid, end, address in zip((a, b), "ab", ADDRESSES, strict=True):
        _ip("link", "set", f"{link}{end}", "netns", str(pid), "name", "eth0")
        _ip("addr", "add", f"{address}/24", "dev", "eth0", within=pid)
        _ip("link", "set", "eth0", "up", within=pid)


def ping(pid: int, count: int, interval: float = 0.1) -> None:
    """Send some packets from the first end to the second."""
    subprocess.run(
        [*inside(pid), "busybox", "ping", "-c", str(count), "-i", str(interval), ADDRESSES[1]],
        check=True,
        capture_output=True,
        timeout=30,
    )


def _ip(*arguments: str, within: int | None = None) -> None:
    prefix = [] if within is None else inside(within)
    subprocess.run([*prefix, "ip", *arguments], check=True, capture_output=True, timeout=30)
