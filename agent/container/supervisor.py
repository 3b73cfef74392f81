"""The process that holds a container, and what its command line and directory tell.

    containerd-shim-runc-v2 -namespace k8s.io -id <sandbox> -address /run/…/containerd.sock
        its working directory is the bundle of <sandbox>; the bundles of the other containers it
        holds are beside it
    conmon -c <id> -n <name> -b <bundle> -l k8s-file:<log> -p <pidfile> -r <runtime> …
        Podman's and CRI-O's

Found from any process of the container by walking up its parents. No state directory has to be
known, so a private, k3s' or a rootless runtime is found like any other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, Literal

from agent.container.command_line import option_value, option_values
from agent.container.statefile import link
from agent.kernelfile import Denied, read
from agent.procfs.pid import parse_cmdline, parse_pid_stat
from agent.records import NamedTuple

MAX_PARENTS: Final = 6
"""Steps up. A container's init is one below; `runc init` at the start three; a shell in it more."""


class Supervisor(NamedTuple):
    """One shim or conmon. Text that it does not tell is ""."""

    kind: Literal["shim", "conmon"]
    pid: int
    id: str
    """The container it was started for; for a shim of a pod, the sandbox."""
    bundle: str
    """Directory of that container's bundle, as the supervisor itself names it."""
    child: int
    """The process right below it on the way up: the container's init, an exec, or `runc create`."""
    namespace: str = ""
    """containerd's: "moby" for Docker, "k8s.io" for Kubernetes."""
    name: str = ""
    """conmon's -n: Podman's name of the container."""
    log: str = ""
    """conmon's -l: path of the log in the CRI's form; "" for another driver."""
    pidfile: str = ""
    exit_file: str = ""
    """Where conmon writes the exit code: --exit-dir/ID; Podman removes it when it cleans up."""
    persist: str = ""
    """conmon's --persist-dir: it writes `exit` and `oom` there too, CRI-O state.json."""


def find_supervisor(proc: str, pid: int) -> Supervisor | None:
    """
    Walk up from `pid`. None where neither a shim nor a conmon is among its parents.

    Raises `Denied` only where /proc itself may not be read (hidepid); a working directory that may
    not be read (it needs CAP_SYS_PTRACE) leaves `bundle` "".
    """
    for _ in range(MAX_PARENTS):
        stat = read(f"{proc}/{pid}/stat", parse_pid_stat)
        if stat is None or stat.ppid <= 1:
            return None
        child, pid = pid, stat.ppid
        argv = read(f"{proc}/{pid}/cmdline", parse_cmdline)
        if not argv:
            continue
        program = os.path.basename(argv[0])
        if program.startswith("containerd-shim"):
            return _shim(proc, pid, child, argv)
        if program in ("conmon", "conmonrs"):
            return _conmon(pid, child, argv)
    return None


def _shim(proc: str, pid: int, child: int, argv: Sequence[str]) -> Supervisor:
    return Supervisor(
        kind="shim",
        pid=pid,
        id=option_value(argv, "-id", "--id"),
        bundle=_cwd(f"{proc}/{pid}"),
        child=child,
        namespace=option_value(argv, "-namespace", "--namespace"),
    )


def _conmon(pid: int, child: int, argv: Sequence[str]) -> Supervisor:
    id_, exits = option_value(argv, "-c", "--cid"), option_value(argv, "--exit-dir")
    return Supervisor(
        kind="conmon",
        pid=pid,
        id=id_,
        bundle=bundle_of_conmon(argv),
        child=child,
        name=option_value(argv, "-n", "--name"),
        log=log_file(argv),
        pidfile=option_value(argv, "-p", "--container-pidfile"),
        exit_file=f"{exits}/{id_}" if exits and id_ and "/" not in id_ else "",
        persist=option_value(argv, "--persist-dir"),
    )


def log_file(argv: Sequence[str]) -> str:
    """The file among conmon's -l options: "k8s-file:/path" or "/path"; "" for journald and none."""
    for value in option_values(argv, "-l", "--log-path"):
        driver, colon, path = value.rpartition(":")
        if path.startswith("/") and (not colon or driver == "k8s-file"):
            return path
    return ""


def bundle_of_conmon(argv: Sequence[str]) -> str:
    """The directory in conmon's -b; "" without one."""
    return option_value(argv, "-b", "--bundle")


def _cwd(process: str) -> str:
    """The working directory, as the process itself names it; "" where it may not be read."""
    try:
        directory, root = link(f"{process}/cwd"), link(f"{process}/root")
    except Denied:
        return ""
    if directory.endswith(" (deleted)"):
        return ""
    # The kernel writes it from the mount namespace's root on, which a chroot is below.
    return directory.removeprefix(root) if directory.startswith(f"{root}/") else directory
