"""What the demo asks of a container runtime, and how it calls the runtime's own client program."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from agent.records import NamedTuple, dataclass

MARK: Final = "container-agent.demo"
"""Label of everything the demo makes, always "1"."""
OWNER: Final = "container-agent.demo.state"
"""Label with the directory of the state file, so that two demos on a host stay apart."""
IMAGE: Final = "localhost/container-agent-demo:1"

_SECONDS: Final = 60.0
"""For one command of a client; a busy daemon takes a few."""


class DemoError(RuntimeError):
    """What cannot be done, and what would help, in a sentence."""


class NoRuntime(DemoError):
    """No container runtime can be used. The text says why, for each that was tried."""


class CommandFailed(DemoError):
    """A client program failed. The text has the command's first words and what it said."""

    def __init__(self, argv: Sequence[str], status: int, said: str) -> None:
        super().__init__(argv, status, said)
        self.argv = argv
        self.status = status
        self.said = said

    def __str__(self) -> str:
        last = self.said.strip().splitlines()[-1:] or [f"exit status {self.status}"]
        return f"{self.argv[0]}: {last[0]}"


@dataclass(frozen=True, slots=True)
class Job:
    """One container to run."""

    name: str
    argv: tuple[str, ...]
    labels: Mapping[str, str]
    cpus: float | None = None
    memory: int | None = None
    """Bytes, swap included."""
    restart: bool = False


class ProcessRef(NamedTuple):
    """One process, for good: its pid may be another's one day, with this start time never."""

    pid: int
    start_ticks: int
    """Field 22 of /proc/PID/stat."""


@dataclass(frozen=True, slots=True)
class Started:
    """One container that runs."""

    id: str
    pid: int | None
    """On this host; None when the runtime runs its containers elsewhere."""
    supervisor: ProcessRef | None = None
    """The process that starts it again; None when the runtime does, or nobody."""


class Runtime(Protocol):
    """One way to run containers."""

    @property
    def name(self) -> str:
        """docker, podman, containerd, crun, runc."""

    @property
    def options(self) -> tuple[str, ...]:
        """Options of its client that say where it is; enough to find it again."""

    @property
    def keeps_logs(self) -> bool:
        """Whether what a container prints goes to a file; otherwise to /dev/null."""

    def unusable(self) -> str:
        """Why it cannot be used here; "" when it answers."""

    def load(self, image: bytes) -> None:
        """Make the image known to it."""

    def unload(self) -> None:
        """Forget the image. Nothing happens when it is not there."""

    def start(self, job: Job) -> Started:
        """Run one container in the background. Its name must be free."""

    def pid(self, name: str) -> int | None:
        """Host pid of a container's first process; None when it does not run, or not here."""

    def owner(self, name: str) -> str | None:
        """The `OWNER` label of the container with this name; "" without one, None: no container."""

    def remove(self, name: str) -> bool:
        """Kill and remove a container; False when there is none."""

    def owned_by(self, owner: str) -> list[str]:
        """Names of the containers whose `OWNER` label says this."""


def listens(path: str) -> bool:
    """Whether a server listens on this unix socket. ctr itself tries for 10 s."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
    return True


def call(argv: Sequence[str], *, data: bytes | None = None) -> str:
    """Run a client program and return what it printed. Raises `CommandFailed` and DemoError."""
    try:
        done = subprocess.run(
            argv,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            # Nothing can be made there: conmon marks an OOM kill by a file "oom" where it runs.
            cwd="/proc",
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DemoError(f"{argv[0]} did not finish within {_SECONDS:g} s") from None
    except FileNotFoundError:
        raise DemoError(f"{argv[0]} is not installed") from None
    if done.returncode != 0:
        raise CommandFailed(argv, done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")
