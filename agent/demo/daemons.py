"""A containerd and a dockerd of the demo's own, for a host that has them and does not run them.

Sockets and state are in `Places`.run, data roots in `Places`.data. The daemons get neither bridge
nor iptables rules: the demo's containers have no network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.demo.client import DemoError, listens
from agent.demo.process import alive, detach, end, last_line
from agent.demo.state import Places, State, write

_READY: Final = 20.0
"""Seconds. dockerd answers after 0.2 s on an idle machine."""


def docker_options(places: Places) -> tuple[str, ...]:
    """Options of `docker` for the demo's own dockerd."""
    return ("--host", f"unix://{places.run / 'docker.sock'}")


def containerd_options(places: Places) -> tuple[str, ...]:
    """Options of `ctr` for the demo's own containerd."""
    return ("--address", str(places.run / "containerd.sock"))


def start(places: Places, state: State, *, docker: bool) -> None:
    """
    Start containerd, and dockerd if wanted, unless they run. The state file knows them at once.

    Raises DemoError, with the last line of the daemon's log, when one does not answer.
    """
    if os.geteuid() != 0:
        raise DemoError("a container daemon needs root: use sudo")
    needed = ["containerd", "dockerd", "docker"] if docker else ["containerd", "ctr"]
    if missing := [program for program in needed if shutil.which(program) is None]:
        raise DemoError(f"cannot start a daemon: {', '.join(missing)} not installed")
    places.data.mkdir(parents=True, exist_ok=True)
    socket = places.run / "containerd.sock"
    config = places.run / "containerd.toml"
    # json.dumps: a TOML basic string has JSON's escapes.
    config.write_text(
        "version = 2\n"
        f"root = {json.dumps(str(places.data / 'containerd'))}\n"
        f"state = {json.dumps(str(places.run / 'containerd-state'))}\n"
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        "[grpc]\n"
        f"address = {json.dumps(str(socket))}\n"
    )
    _start(
        ["containerd", "--config", str(config)],
        socket,
        ["ctr", *containerd_options(places), "version"],
        places,
        state,
    )
    if not docker:
        return
    settings = places.run / "docker.json"
    settings.write_text("{}")  # so that /etc/docker/daemon.json is not read
    _start(
        [
            "dockerd",
            "--iptables=false",
            "--bridge=none",
            f"--containerd={socket}",
            f"--host=unix://{places.run / 'docker.sock'}",
            f"--data-root={places.data / 'docker'}",
            f"--exec-root={places.run / 'docker-state'}",
            f"--pidfile={places.run / 'docker.pid'}",
            f"--config-file={settings}",
        ],
        places.run / "docker.sock",
        ["docker", *docker_options(places), "version"],
        places,
        state,
    )


def stop(state: State) -> None:
    """End the daemons, the last one started first."""
    while state.daemons:
        end(state.daemons[-1])
        state.daemons.pop()


def mounts_below(directory: Path) -> list[str]:
    """Mount points below a directory."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split()[1] for line in lines]
    return [point for point in points if point.startswith(f"{directory}/")]


def _start(
    argv: Sequence[str], socket: Path, probe: Sequence[str], places: Places, state: State
) -> None:
    if listens(str(socket)):
        return
    log = places.run / f"{argv[0]}.log"
    daemon = detach(argv, log)
    state.daemons.append(daemon)
    write(places, state)
    deadline = time.monotonic() + _READY
    while not (listens(str(socket)) and _succeeds(probe)):
        if not alive(daemon) or time.monotonic() > deadline:
            end(daemon)
            state.daemons.remove(daemon)
            write(places, state)
            raise DemoError(f"{argv[0]} did not start: {last_line(log)}")
        time.sleep(0.05)


def _succeeds(probe: Sequence[str]) -> bool:
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
