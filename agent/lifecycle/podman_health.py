"""The state of a Podman container's health check, which Podman writes down where it is asked to.

<run root>/<driver>-containers/<id>/healthcheck.log    the default, beside `userdata`
<directory>/<id>-healthcheck.log                       with --health-log-destination DIRECTORY
nowhere                                                with --health-log-destination events_logger

    {"Status":"unhealthy","FailingStreak":1,"Log":[{"Start":"2026-…Z","ExitCode":1,"Output":""}]}

Written in place after each check, and with "starting" right after the container was started. Podman
has systemd run the checks: without systemd it says "starting" until somebody calls `podman
healthcheck run`. Tried with Podman 4.3 and 5.4.
"""

from __future__ import annotations

import os
from typing import Final

from agent.container.container import Container
from agent.container.statefile import Json, read_object, signature, text
from agent.container.supervisor import Supervisor
from agent.lifecycle.events import Health
from agent.lifecycle.run import Recorded

NAME: Final = "healthcheck.log"
_EVENTS: Final = "events_logger"
_COARSE: Final = 0.01
"""Seconds by which a file's time may be behind: it is the kernel's last clock tick."""


def health_log(conmon: Supervisor, container: Container) -> str | None:
    """
    The path as Podman names it; "" for a container without a check. None where nothing is kept, or
    who keeps it is not known.
    """
    declared = container.declared
    if container.runtime != "podman" or declared is None or declared.health_check is None:
        return None
    if not declared.health_check:
        return ""
    if declared.health_log:
        kept = declared.health_log != _EVENTS
        return f"{declared.health_log}/{container.id}-{NAME}" if kept else None
    run = os.path.dirname(os.path.dirname(conmon.pidfile))
    return f"{run}/{NAME}" if run else None


def read_health(path: str, at: float, began: float) -> Recorded | None:
    """
    What `path` says of the run that began at `began` (Unix seconds). None: not yet anything.

    path: see `health_log`.

    Raises `Denied`, `UnreadableState`, OSError.
    """
    if not path:
        return Recorded(at, health=Health.NONE)
    written = signature(path)
    if written is None or written.mtime_ns / 1e9 < began - _COARSE:
        return None  # or it is of the run before
    found = read_object(path)
    return None if found is None else Recorded(at, health=parse_health(found))


def parse_health(found: Json) -> Health | None:
    """The state. None: a word that this agent does not know."""
    status = text(found, "Status")
    return next((health for health in Health if health.value == status), None)
