"""/proc/PID/stat, cmdline and cgroup: what a process is, since when, and where it belongs.

Docs    https://docs.kernel.org/filesystems/proc.html#process-specific-subdirectories
        https://man7.org/linux/man-pages/man7/cgroups.7.html (the cgroup file)

    stat     4242 (sh -c (a b)) S 4217 4242 4242 0 -1 4194304 … 1098533 …
    cmdline  /usr/bin/conmon\\0-c\\07f54…\\0
    cgroup   0::/docker/7f54…
             4:memory:/docker/7f54…
             2:cpu,cpuacct:/docker/7f54…
             1:name=systemd:/docker/7f54…
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple

UNIFIED = ""
"""The key of the cgroup v2 path in what `parse_pid_cgroup` returns, as the file writes it."""


class PidStat(NamedTuple):
    """The fields of /proc/PID/stat we use."""

    pid: int
    comm: str
    """The program's name, at most 15 bytes; may hold spaces, parentheses, newlines."""
    state: str
    """One letter: R, S, D, Z (zombie), X (dead), …"""
    ppid: int
    starttime_ticks: int
    """When it started: USER_HZ ticks (SC_CLK_TCK) after boot."""


def parse_pid_stat(text: str) -> PidStat:
    """Parse /proc/PID/stat."""
    # comm is whatever the process calls itself: only the last ")" surely ends it.
    head, closed, rest = text.rpartition(")")
    pid, opened, comm = head.partition("(")
    fields = rest.split()
    try:
        if not (opened and closed):
            raise ValueError
        # Field 22 of proc(5), of which `fields` lacks the first two.
        return PidStat(int(pid), comm, fields[0], int(fields[1]), int(fields[19]))
    except (IndexError, ValueError):
        raise UnexpectedText(text) from None


def parse_cmdline(text: str) -> tuple[str, ...]:
    """Parse /proc/PID/cmdline into its arguments; () for a kernel thread or a zombie."""
    if not text:
        return ()
    # Each argument ends in NUL. A process that overwrote its arguments may leave the last one out.
    return tuple(text.removesuffix("\0").split("\0"))


def parse_pid_cgroup(text: str) -> dict[str, str]:
    """
    Parse /proc/PID/cgroup: controller → path in its hierarchy.

    The v2 path is under `UNIFIED`, a named v1 hierarchy under "name=systemd". Paths start at the
    reader's cgroup namespace, so in a private one they may begin with "/..". A removed cgroup has
    " (deleted)" after its path.
    """
    paths: dict[str, str] = {}
    for line in text.split("\n"):
        if not line:
            continue
        # The path may hold colons ("/system.slice:docker:7f54…"); the names before it may not.
        parts = line.split(":", 2)
        if len(parts) != 3 or not parts[0].isdigit() or not parts[2].startswith("/"):
            raise UnexpectedText(line)
        for controller in parts[1].split(","):
            paths[controller] = parts[2]
    return paths
