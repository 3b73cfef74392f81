from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import HostPaths
from agent.container.container import Container
from agent.inspect.image_config import (
    ImageCommand,
    Started,
    parse_image_command,
    read_image_command,
    started,
)

HEX = "ab" * 32
CONTENT = "io.containerd.content.v1.content/blobs/sha256"
IMAGE = ImageCommand(("/entry", "-x"), ("serve",))
CONFIG = {"config": {"Entrypoint": ["/entry", "-x"], "Cmd": ["serve"]}}
WEB = Container(runtime="docker", id="c" * 64, image_id=f"sha256:{HEX}")


@pytest.mark.parametrize(
    ("runtime", "place"),
    [
        ("docker", f"docker/image/overlay2/imagedb/content/sha256/{HEX}"),
        ("docker", f"docker/containerd/daemon/{CONTENT}/{HEX}"),
        ("docker", f"containerd/{CONTENT}/{HEX}"),
        ("containerd", f"containerd/{CONTENT}/{HEX}"),
        ("podman", f"podman/overlay-images/{HEX}/={b64encode(f'sha256:{HEX}'.encode()).decode()}"),
        ("cri-o", f"podman/vfs-images/{HEX}/={b64encode(f'sha256:{HEX}'.encode()).decode()}"),
    ],
)
def test_it_is_found_where_each_runtime_keeps_it(tmp_path: Path, runtime: str, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(CONFIG))
    paths = HostPaths(
        docker=(f"{tmp_path}/docker",),
        containerd=(f"{tmp_path}/containerd",),
        podman=(f"{tmp_path}/podman",),
    )
    assert read_image_command(paths, replace(WEB, runtime=runtime)) == IMAGE
    assert read_image_command(paths, replace(WEB, runtime="lxc")) is None
    assert read_image_command(paths, replace(WEB, image_id="")) is None


def test_a_root_that_nobody_named_is_told_by_what_is_mounted(tmp_path: Path) -> None:
    path = tmp_path / f"elsewhere/image/vfs/imagedb/content/sha256/{HEX}"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(CONFIG))
    nowhere = HostPaths(docker=(), containerd=(), podman=())
    assert read_image_command(nowhere, WEB) is None
    hosts = f"{tmp_path}/elsewhere/containers/{'c' * 64}/hosts"
    assert read_image_command(nowhere, WEB, [hosts]) == IMAGE


def test_a_damaged_config_is_none(tmp_path: Path) -> None:
    path = tmp_path / CONTENT / HEX
    path.parent.mkdir(parents=True)
    path.write_text("{")
    paths = HostPaths(docker=(), containerd=(str(tmp_path),))
    assert read_image_command(paths, replace(WEB, runtime="containerd")) is None


def test_what_is_not_of_its_type_is_not_there() -> None:
    told = {"config": {"Entrypoint": None, "Cmd": "serve"}}
    assert parse_image_command(told) == ImageCommand((), ())
    assert parse_image_command({}) == ImageCommand((), ())


@pytest.mark.parametrize(
    ("args", "image", "expected"),
    [
        (["/entry", "-x", "serve"], IMAGE, Started(("/entry", "-x"), ("serve",), of_image=True)),
        (["/entry", "-x", "help"], IMAGE, Started(("/entry", "-x"), ("help",), of_image=False)),
        (["sh"], IMAGE, Started(None, ("sh",), of_image=False)),
        (["sh"], None, Started(None, ("sh",), of_image=False)),
        (["sh"], ImageCommand((), ("sh",)), Started((), ("sh",), of_image=True)),
    ],
)
def test_arguments_are_taken_apart(
    args: list[str], image: ImageCommand | None, expected: Started
) -> None:
    assert started(args, image) == expected
