"""Where Docker daemons keep their containers: configured, in daemon.json, or on a command line.

    dockerd --data-root /srv/docker --config-file /etc/docker/daemon.json
    /etc/docker/daemon.json: {"data-root": "/srv/docker"}

Only of a daemon that is root's: anybody can start a process called dockerd, and point to a root in
which the "log" of a container is some file that only we may read.

Needed for stopped containers' logs. A running container's root is found from its bundle instead
(`docker.data_root_of`). A rootless daemon's is to be configured.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from agent.config import HostPaths
from agent.container.command_line import option_values
from agent.container.failures import READ_FAILURES, Failures
from agent.container.statefile import read_object, text
from agent.kernelfile import read
from agent.procfs.pid import parse_cmdline

_DAEMON_JSON = "/etc/docker/daemon.json"


def data_roots(paths: HostPaths, failures: Failures) -> tuple[str, ...]:
    """Data roots as the host names them, the configured ones first. Reads all of /proc/*/comm."""
    roots = dict.fromkeys(paths.docker)
    configs = {_DAEMON_JSON: None}
    for argv in _daemons(paths.proc, failures):
        for root in option_values(argv, "--data-root", "-g", "--graph"):
            roots[root] = None
        for config in option_values(argv, "--config-file"):
            configs[config] = None
    for config in configs:
        try:
            daemon = read_object(paths.host(config))
        except READ_FAILURES as error:
            failures.add(config, error)
            continue
        failures.clear(config)
        if daemon is not None and (root := text(daemon, "data-root") or text(daemon, "graph")):
            roots[root] = None
    return tuple(root for root in roots if root.startswith("/"))


def _daemons(proc: str, failures: Failures) -> Iterator[Sequence[str]]:
    failures.clear(proc)
    try:
        for name in os.listdir(proc):
            # None for a process that ended meanwhile.
            if (
                name.isdecimal()
                and read(f"{proc}/{name}/comm", str) == "dockerd\n"
                and _is_trusted(f"{proc}/{name}")
            ):
                yield read(f"{proc}/{name}/cmdline", parse_cmdline) or ()
    except READ_FAILURES as error:  # proc mounted with hidepid: then none can be told
        failures.add(proc, error)


def _is_trusted(process: str) -> bool:
    try:
        return os.stat(process).st_uid in (0, os.geteuid())
    except FileNotFoundError:  # it ended meanwhile
        return False
