"""What the demo made, written down before it is made, so that `stop` can remove exactly that.

    /run/container-agent/demo/state.json
    {"deployments": [{"runtime": "docker", "options": [], "containers": ["demo-idle"],
                      "supervisors": {"demo-exiter": [4711, 98765]}}],
     "daemons": [[4242, 98700]],
     "cgroups": ["libpod_parent"]}

As an ordinary user everything is below $XDG_RUNTIME_DIR and $XDG_DATA_HOME instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.demo.client import DemoError, ProcessRef
from agent.records import dataclass, field

_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Places:
    """The demo's own directories."""

    run: Path
    """State file, sockets, logs of its daemons: gone after a reboot, as the containers are."""
    data: Path
    """On a disk: root filesystems, data roots of its daemons."""

    @property
    def owner(self) -> str:
        """What the `OWNER` label of its containers says."""
        return str(self.run)


def default_places() -> Places:
    """root: /run and /var/lib. Others: the XDG directories. Raises DemoError without them."""
    if os.geteuid() == 0:
        return Places(Path("/run/container-agent/demo"), Path("/var/lib/container-agent/demo"))
    runtime_dir = os.environ.get("XDG_RUNTIME_DIR", "")
    if not runtime_dir:
        raise DemoError(
            "not root, and XDG_RUNTIME_DIR is not set: log in as this user, or use sudo"
        )
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Places(
        Path(runtime_dir, "container-agent/demo"),
        Path(data_home, "container-agent/demo").expanduser(),
    )


@dataclass(slots=True)
class Deployment:
    """What was started through one runtime."""

    runtime: str
    options: tuple[str, ...]
    containers: list[str] = field(default_factory=list)
    supervisors: dict[str, ProcessRef] = field(default_factory=dict)
    """By container: what starts it again, where the runtime does not."""


@dataclass(slots=True)
class State:
    """Everything the demo has made and not yet removed."""

    deployments: list[Deployment] = field(default_factory=list)
    daemons: list[ProcessRef] = field(default_factory=list)
    """In the order they were started."""
    cgroups: list[str] = field(default_factory=list)
    """Directories right below the hierarchies' roots that were not there before the demo."""

    def deployment(self, runtime: str, options: tuple[str, ...]) -> Deployment:
        """The one through this runtime, added when there is none."""
        for known in self.deployments:
            if (known.runtime, known.options) == (runtime, options):
                return known
        new = Deployment(runtime, options)
        self.deployments.append(new)
        return new


def read(places: Places) -> State:
    """The state file; an empty State without one. Raises DemoError for one that is damaged."""
    path = places.run / "state.json"
    try:
        text = path.read_text()
    except FileNotFoundError:
        return State()
    try:
        raw = json.loads(text)
        return State(
            deployments=[
                Deployment(
                    runtime=str(one["runtime"]),
                    options=tuple(map(str, one["options"])),
                    containers=list(map(str, one["containers"])),
                    supervisors={
                        str(name): ProcessRef(*map(int, pair))
                        for name, pair in one["supervisors"].items()
                    },
                )
                for one in raw["deployments"]
            ],
            daemons=[ProcessRef(*map(int, pair)) for pair in raw["daemons"]],
            cgroups=list(map(str, raw["cgroups"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DemoError(f"{path} is damaged ({error!r}): remove it, and the containers") from None


def write(places: Places, state: State) -> None:
    """Replace the state file."""
    path = places.run / "state.json"
    data = {
        "deployments": [
            {
                "runtime": one.runtime,
                "options": one.options,
                "containers": one.containers,
                "supervisors": one.supervisors,
            }
            for one in state.deployments
        ],
        "daemons": state.daemons,
        "cgroups": state.cgroups,
    }
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data))
    new.replace(path)


@contextlib.contextmanager
def locked(places: Places) -> Iterator[None]:
    """Hold the demo's lock: two of them at once would remove what the other makes."""
    try:
        fd = _lock(places.run)
    except PermissionError as error:
        raise DemoError(f"cannot write {error.filename}: use sudo") from None
    try:
        yield
    finally:
        for directory in (places.run, places.run.parent):
            with contextlib.suppress(OSError):  # in use: a state file, the agent's own things
                directory.rmdir()
        os.close(fd)


def _lock(directory: Path) -> int:
    """Make a directory and lock it. One that was removed while we waited is made again."""
    failures = 0
    while True:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, FileExistsError) as error:
            # Another's removal came between two of these system calls. Not a hundred times in a
            # row: then something else is wrong, a file where the directory should be.
            failures += 1
            if failures == _TRIES:
                raise DemoError(f"cannot make {directory}: {error.strerror}") from None
            continue
        fcntl.flock(fd, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(fd), os.stat(directory)):
                return fd
        os.close(fd)
