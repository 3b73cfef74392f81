"""Removes the demo: what the state file says, and what carries the demo's label with our state
directory on it, and nothing else.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable

from agent.demo import cgroups, daemons
from agent.demo.client import DemoError
from agent.demo.deploy import RUNTIMES, make_runtime
from agent.demo.process import kill_group
from agent.demo.state import Deployment, Places, State, default_places, locked, read, write
from agent.demo.workloads import WORKLOADS


def stop(places: Places | None = None, *, prefix: str | None = None) -> int:
    """
    Remove everything the demo made: containers, images, daemons, directories, cgroups.

    With `prefix` only the containers that were started with it, and the rest along with the last
    of them. Return how many containers there were. Raises DemoError when a runtime does not answer;
    the state file still has what is left then.
    """
    places = places or default_places()
    names = None if prefix is None else {f"{prefix}{workload.name}" for workload in WORKLOADS}
    if not places.run.exists() and not places.data.exists():
        return _remove_labelled(places, names)
    with locked(places):
        state = read(places)
        if state.daemons:
            # One of ours may have died; its containers outlive it, and only it can remove them.
            docker_runs = any(one.runtime == "docker" for one in state.deployments)
            daemons.start(places, state, docker=docker_runs)
        count = _remove_deployments(places, state, names)
        if state.deployments:
            return count  # started with another prefix
        daemons.stop(state)
        for name in state.cgroups:
            cgroups.remove_empty(name)
        count += _remove_labelled(places, names)
        for directory in (places.data, places.run):
            if mounts := daemons.mounts_below(directory):
                raise DemoError(f"still mounted, so not removed: {', '.join(mounts)}")
            shutil.rmtree(directory, ignore_errors=True)
        with contextlib.suppress(OSError):  # not there, or the agent's own state is in it
            places.data.parent.rmdir()
    return count


def _remove_deployments(places: Places, state: State, names: set[str] | None) -> int:
    """What the state file says was started; with `names` these containers alone."""
    count = 0
    for deployment in list(state.deployments):
        count += _remove(deployment, names, places)
        if not deployment.containers:
            state.deployments.remove(deployment)
        write(places, state)
    return count


def _remove(deployment: Deployment, names: set[str] | None, places: Places) -> int:
    """Its containers, and the image with the last of them."""
    meant = _of(names, deployment.containers)
    if not meant:
        return 0
    # Counted although it may be between two runs.
    found = _of(names, deployment.supervisors)
    for name in found:
        kill_group(deployment.supervisors.pop(name))
    runtime = make_runtime(deployment.runtime, deployment.options, places)
    reason = runtime.unusable()
    if reason:
        raise DemoError(f"cannot remove {', '.join(sorted(meant))}: {reason}")
    found.update(name for name in meant if runtime.owner(name) == places.owner)
    found.update(_of(names, runtime.owned_by(places.owner)))
    for name in found:
        runtime.remove(name)
    deployment.containers = sorted(set(deployment.containers) - meant)
    if not deployment.containers:
        runtime.unload()
    return len(found)


def _of(names: set[str] | None, those: Iterable[str]) -> set[str]:
    return set(those) if names is None else names.intersection(those)


def _remove_labelled(places: Places, names: set[str] | None) -> int:
    """Remove what no state file knows of any more: it is lost with a reboot, stopped containers of
    Docker and Podman are not."""
    count = 0
    for name in RUNTIMES:
        runtime = make_runtime(name, (), places)
        if runtime.unusable():
            continue
        owned = runtime.owned_by(places.owner)
        ours = _of(names, owned)
        count += sum(runtime.remove(container) for container in ours)
        if ours and len(ours) == len(owned):
            runtime.unload()
    return count
