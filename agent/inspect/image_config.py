"""What an image starts by itself: its entrypoint and command, from its config on disk.

Docker      <root>/image/<driver>/imagedb/content/sha256/<hex>
            with images in containerd: <root>/containerd/daemon/<content>/<hex>
containerd  <root>/<content>/<hex>        <content>: io.containerd.content.v1.content/blobs/sha256
Podman,     <root>/<driver>-images/<hex>/=<base64 of "sha256:<hex>">
CRI-O

    {"architecture":"amd64","config":{"Entrypoint":["/entry"],"Cmd":["serve"],…},…}

<hex> is the image's id, the digest of this very file, the same in every runtime.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from agent.config import HostPaths
from agent.container.container import Container
from agent.container.failures import READ_FAILURES
from agent.container.statefile import Json, child, read_object, strings
from agent.records import dataclass

_CONTENT: Final = "io.containerd.content.v1.content/blobs/sha256"
_OF_ROOT: Final = re.compile(r"(?P<root>/.+)/(?:[a-z]+-)?containers/[0-9a-f]{64}/")
"""Docker's and Podman's directory of one container."""
_ID: Final = re.compile(r"sha256:([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class ImageCommand:
    """What an image says is to be started; () is nothing."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A container's arguments, taken apart by what its image says."""

    entrypoint: tuple[str, ...] | None
    """None: it cannot be told where it ends."""
    command: tuple[str, ...]
    """What follows; with an entrypoint of None, everything."""
    of_image: bool
    """Whether the command is the image's own."""


def read_image_command(
    paths: HostPaths, container: Container, sources: Iterable[str] = ()
) -> ImageCommand | None:
    """
    None where the image's config is not found, or is not for us to read.

    sources: what its runtime mounts into it, which tells of a root that `paths` does not name.
    """
    found = _ID.match(container.image_id)
    seen = {
        match["root"] for text in (*sources, container.log_path) if (match := _OF_ROOT.match(text))
    }
    for path in () if found is None else _places(paths, container.runtime, found[1], sorted(seen)):
        try:
            config = read_object(path)
        except READ_FAILURES:
            continue
        if config is not None:
            return parse_image_command(config)
    return None


def parse_image_command(config: Json) -> ImageCommand:
    """From an image's config; what is not of its type is not there."""
    inner = child(config, "config")
    return ImageCommand(strings(inner, "Entrypoint"), strings(inner, "Cmd"))


def started(args: Sequence[str], image: ImageCommand | None) -> Started:
    """Take `args` apart: they are the entrypoint and the command one after the other."""
    args = tuple(args)
    if image is None:
        return Started(None, args, of_image=False)
    length = len(image.entrypoint)
    if args[:length] != image.entrypoint:
        return Started(None, args, of_image=False)  # the person gave another one
    return Started(args[:length], args[length:], of_image=args[length:] == image.command)


def _places(paths: HostPaths, runtime: str, digest: str, seen: Sequence[str]) -> Iterator[str]:
    if runtime == "docker":
        for root in map(paths.host, (*seen, *paths.docker)):
            yield from _fitting(root, f"image/*/imagedb/content/sha256/{digest}")
            yield f"{root}/containerd/daemon/{_CONTENT}/{digest}"
    if runtime in ("docker", "containerd"):
        for root in map(paths.host, paths.containerd):
            yield f"{root}/{_CONTENT}/{digest}"
    if runtime in ("podman", "cri-o"):
        name = "=" + b64encode(f"sha256:{digest}".encode()).decode()
        for root in map(paths.host, (*seen, *paths.podman)):
            yield from _fitting(root, f"*-images/{digest}/{name}")


def _fitting(root: str, pattern: str) -> Iterator[str]:
    """Paths below a root; none where it is not there, or not for us to list."""
    try:
        yield from map(str, Path(root).glob(pattern))
    except OSError:
        return
