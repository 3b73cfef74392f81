"""Where Podman keeps containers: configured, or told by a conmon that runs.

    conmon -c 9ef3… -b /home/me/.local/share/containers/storage/vfs-containers/9ef3…/userdata …

A user's own storage stands nowhere else that the agent could look without knowing every home. The
logs of all its containers are read then, the stopped ones' too.

Anybody can start a process called conmon, and name any file in the storage it points to as a log.
So such a root comes with the user the process belongs to, and only files of that user are read.
"""

from __future__ import annotations

import os

from agent.config import HostPaths
from agent.container import podman
from agent.container.failures import READ_FAILURES, Failures
from agent.container.process import uid_of
from agent.container.supervisor import bundle_of_conmon
from agent.kernelfile import read
from agent.procfs.pid import parse_cmdline


def graph_roots(paths: HostPaths, failures: Failures) -> dict[str, int]:
    """
    Graph roots as the host names them, and whose they are (uid); the configured ones are root's.

    Reads all of /proc/*/comm.
    """
    roots = dict.fromkeys(paths.podman, 0)
    subject = f"{paths.proc}: conmon"
    failures.clear(subject)
    try:
        for name in os.listdir(paths.proc):
            # None for a process that ended meanwhile.
            if name.isdecimal() and read(f"{paths.proc}/{name}/comm", str) == "conmon\n":
                argv = read(f"{paths.proc}/{name}/cmdline", parse_cmdline) or ()
                root = podman.graph_root(bundle_of_conmon(argv))
                if (
                    root
                    and root not in roots
                    and (uid := uid_of(paths.proc, int(name))) is not None
                ):
                    roots[root] = uid
    except READ_FAILURES as error:  # proc mounted with hidepid: then none can be told
        failures.add(subject, error)
    return roots
