"""Which container a person means: one syntax for every command.

    3f2a9c            start of an id
    web               a name: the runtime's, or what `agent top` shows
    shop/api          Kubernetes namespace/pod, or Compose project/service
    shop/api/app      and a container in it
    pid:1234          whichever container the process is in
    cgroup:/docker/…  a cgroup's path, or one inside it

Exactly what is written wins over a start of an id. Sandboxes and pods are meant only where they are
named exactly. A container that a target does not tell from another is not guessed: all that fit are
given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.kernelfile import read
from agent.procfs.pid import parse_pid_cgroup
from agent.records import NamedTuple, dataclass

_PROJECT: Final = ("com.docker.compose.project", "io.podman.compose.project")
_SERVICE: Final = ("com.docker.compose.service", "io.podman.compose.service")


class BadTarget(ValueError):
    """A text that is no target, with the reason."""


@dataclass(frozen=True, slots=True)
class Target:
    """What was written, taken apart."""

    form: Literal["name", "path", "pid", "cgroup"]
    """name: one word; path: two or three with slashes."""
    text: str
    """Without its prefix."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The words between the slashes."""
        return tuple(self.text.split("/"))

    def __str__(self) -> str:
        return f"{self.form}:{self.text}" if self.form in ("pid", "cgroup") else self.text


class Candidate(NamedTuple):
    """One container that may be meant."""

    cgroup: Cgroup
    container: Container

    def __str__(self) -> str:
        """As it is listed: "shop/api/app  3f2a9c0d1b2e  containerd"."""
        container = self.container
        kind = "" if container.kind is Kind.CONTAINER else f"  {container.kind.value}"
        return f"{container.title}  {container.id[:12]}  {container.runtime}{kind}"


def parse_target(text: str) -> Target:
    """Take a target apart. Raises BadTarget."""
    form, colon, rest = text.partition(":")
    if colon and form == "pid":
        if not rest.isascii() or not rest.isdecimal() or int(rest) == 0:
            raise BadTarget(f"{text!r}: a pid is a number, as in pid:1234")
        return Target("pid", rest)
    if colon and form == "cgroup":
        if not rest.startswith("/"):
            raise BadTarget(
                f"{text!r}: a cgroup's path starts with a slash, as in cgroup:/docker/…"
            )
        return Target("cgroup", rest.rstrip("/") or "/")
    words = text.split("/")
    if not all(words) or len(words) > 3:
        raise BadTarget(
            f"{text!r}: write a name, the start of an id, namespace/pod, namespace/pod/container, "
            "project/service, pid:1234 or cgroup:/path"
        )
    return Target("name" if len(words) == 1 else "path", text)


def find(target: Target, candidates: Iterable[Candidate], proc: str) -> list[Candidate]:
    """
    Every container that `target` may mean; one is an answer, none and several are not.

    `proc` is read for pid:N alone. Raises Denied, UnexpectedText, OSError of that.
    """
    everything = list(candidates)
    if target.form == "pid":
        paths = read(f"{proc}/{target.text}/cgroup", parse_pid_cgroup)
        return _around(set((paths or {}).values()), everything)
    if target.form == "cgroup":
        return _around({target.text}, everything)
    matches = _path if target.form == "path" else _name
    exact = [candidate for candidate in everything if matches(target, candidate.container)]
    if exact:
        return _preferred(exact)
    return [
        candidate
        for candidate in everything
        if target.form == "name" and candidate.container.id.startswith(target.text)
    ]


def _around(paths: set[str], candidates: Sequence[Candidate]) -> list[Candidate]:
    """The innermost containers whose cgroup is one of `paths` or above it."""
    found = [
        candidate
        for candidate in candidates
        if any(f"{path}/".startswith(f"{candidate.cgroup.path}/") for path in paths)
    ]
    longest = max((len(candidate.cgroup.path) for candidate in found), default=0)
    return [candidate for candidate in found if len(candidate.cgroup.path) == longest]


def _name(target: Target, container: Container) -> bool:
    return target.text in (container.id, container.name, container.title)


def _path(target: Target, container: Container) -> bool:
    pod = (container.namespace, container.pod, container.container)
    if target.parts == pod[: len(target.parts)]:
        return True
    if target.text == container.title:  # a Podman pod has no namespace
        return True
    compose = tuple(_label(container, names) for names in (_PROJECT, _SERVICE))
    return target.parts == compose


def _label(container: Container, names: Iterable[str]) -> str:
    return next((container.labels[name] for name in names if name in container.labels), "")


def _preferred(exact: list[Candidate]) -> list[Candidate]:
    """Containers, where there are any: nobody who writes namespace/pod means its sandbox."""
    containers = [found for found in exact if found.container.kind is Kind.CONTAINER]
    return containers or exact
