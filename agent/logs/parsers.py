"""Which parser reads which format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from agent.logs.cri import CriParser
from agent.logs.docker_json import DockerParser
from agent.logs.docker_local import DockerLocalParser
from agent.logs.entry import Entry
from agent.logs.plain import PlainParser


class Parser(Protocol):
    """Lines of one format to entries: docker_json.py, cri.py."""

    failures: int
    any_bytes: bool
    """Whether it takes lines that are not valid UTF-8, and hands their bytes on: a piece of a line
    may end within a character."""

    def parse(self, lines: list[bytes], read_ns: int) -> tuple[list[Entry], bool]:
        """Return one entry for each line, in order, and whether any is a piece."""
        ...


PARSERS: Final[dict[str, Callable[[], Parser]]] = {
    "docker": DockerParser,
    "docker-local": DockerLocalParser,
    "cri": CriParser,
    "plain": PlainParser,
}
