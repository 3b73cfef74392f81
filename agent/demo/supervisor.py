"""Starts a container again when it exits, for the runtimes that do not do that themselves.

The supervisor is a shell in a loop around the runtime's foreground command. It writes the exit
status of the last run to a file and waits a second, so that a runtime which fails at once is not
called more often than that. It is ended with its whole process group, by SIGKILL: the runtime's
foreground command would pass a SIGTERM on and wait for the container, which goes on without it and
is removed after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from agent.demo.client import DemoError, Started
from agent.demo.process import alive, detach, kill_group, last_line

LOOP: Final = """\
while :; do
    "$@" >"$0.log" 2>&1
    echo $? >"$0.new" && mv "$0.new" "$0"
    sleep 1
done"""

_FIRST_START: Final = 10.0
"""Seconds until the first run must have a pid."""


def supervise(
    name: str, command: Sequence[str], status: Path, pid: Callable[[], int | None]
) -> Started:
    """
    Keep `command` (a runtime's foreground run) going. `status` gets the exit status of its last
    run, and `status`.log what the runtime said.

    Return the first run, whose `pid` is asked until it is there. Raises DemoError, with the
    runtime's last words, when it never is.
    """
    status.parent.mkdir(parents=True, exist_ok=True)
    status.unlink(missing_ok=True)
    log = Path(f"{status}.log")
    loop = detach(["/bin/sh", "-c", LOOP, str(status), *command], log)
    deadline = time.monotonic() + _FIRST_START
    while True:
        running = pid()
        if running is not None:
            return Started(name, running, loop)
        if status.exists() or not alive(loop) or time.monotonic() > deadline:
            kill_group(loop)
            raise DemoError(f"{command[0]}: {last_line(log)}")
        time.sleep(0.05)
