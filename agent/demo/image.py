"""A container image made on the spot from the distribution's static busybox: nothing is pulled.

`archive` writes the form `docker save` writes, which `docker load`, `podman load` and
`ctr image import` all read:

    manifest.json   [{"Config": "<sha256>.json", "RepoTags": ["localhost/demo:1"], "Layers": [...]}]
    <sha256>.json   the image's config; its digest is the image id, the same in every runtime
    layer.tar       /bin/busybox, a symlink for every applet, and the usual empty directories

Nothing in it depends on when or where it is made, so the same busybox gives the same image id.
`unpack` writes the same tree to a directory, for the runtimes that have no images.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

BUSYBOX: Final = ("/bin/busybox", "/bin/busybox.static", "/usr/local/bin/busybox", "/sbin/busybox")
"""Where distributions put it, in the order tried; PATH comes last."""

_DIRECTORIES: Final = (
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("sys", 0o755),
    ("tmp", 0o1777),
)
_USERS: Final = "root:x:0:0:root:/root:/bin/sh\n"
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
"""`uname -m` to the names Go has; the others (ppc64le, s390x, riscv64) are the same in both."""

_INTERPRETER: Final = 3
"""PT_INTERP: the program header of an executable that needs a dynamic loader."""


class NoBusybox(RuntimeError):
    """There is no statically linked busybox to make an image from. Says how to get one."""


def find_busybox(candidates: Iterable[str] = BUSYBOX) -> Path:
    """The distribution's static busybox. Raises `NoBusybox`, with what was found instead."""
    dynamic = ""
    on_path = shutil.which("busybox")
    for candidate in (*candidates, *((on_path,) if on_path else ())):
        path = Path(candidate)
        if not path.is_file():
            continue
        if is_static(path):
            return path
        dynamic = dynamic or f"{path} is dynamically linked and would not start in an empty image. "
    raise NoBusybox(
        f"{dynamic or 'busybox is not installed. '}Install the static one: "
        "apt install busybox-static (Debian, Ubuntu), dnf install busybox (Fedora), "
        "apk add busybox-static (Alpine), zypper install busybox-static (openSUSE)"
    )


def is_static(path: Path) -> bool:
    """Whether an ELF file needs no loader. False for what is not an ELF file, or a damaged one."""
    data = path.read_bytes()
    if data[:4] != b"\x7fELF":
        return False
    try:
        return _INTERPRETER not in _program_headers(data)
    except struct.error:  # it ends before its headers do
        return False


def applets(busybox: Path) -> list[str]:
    """The names this busybox answers to, sorted, without its own."""
    listed = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout
    return sorted(set(listed.split()) - {"busybox"})


def archive(
    busybox: Path,
    reference: str,
    labels: Mapping[str, str] | None = None,
    command: Sequence[str] = ("/bin/sh",),
) -> bytes:
    """
    The image as the bytes of one uncompressed tar archive, about 2 MB.

    `reference` is the full name with its tag ("localhost/demo:1"): with a registry part, every
    runtime keeps it as it is. `labels` go on the image, and Docker and Podman hand them down to
    the containers. `command` is what it runs where nothing else is said.
    """
    layer = _layer(busybox)
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "Env": ["PATH=/bin"],
                "Cmd": list(command),
                "WorkingDir": "/",
                "Labels": dict(labels or {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "container-agent"}],
        }
    ).encode()
    config_name = f"{_digest(config)}.json"
    manifest = [{"Config": config_name, "RepoTags": [reference], "Layers": ["layer.tar"]}]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        _add_file(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)
        _add_file(tar, config_name, config, 0o644)
        _add_file(tar, "layer.tar", layer, 0o644)
    return out.getvalue()


def image_id(data: bytes) -> str:
    """The id every runtime gives the image of this archive: "sha256:" and 64 hex digits."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = tar.getnames()
    config = next(name for name in names if len(name) == 69 and name.endswith(".json"))
    return f"sha256:{config.removesuffix('.json')}"


def unpack(busybox: Path, directory: Path) -> None:
    """Write the image's tree to `directory`, which is made."""
    directory.mkdir(parents=True)
    for name, mode in _DIRECTORIES:
        (directory / name).mkdir()
        (directory / name).chmod(mode)
    (directory / "etc/passwd").write_text(_USERS)
    shutil.copyfile(busybox, directory / "bin/busybox")
    (directory / "bin/busybox").chmod(0o755)
    for applet in applets(busybox):
        os.symlink("busybox", directory / "bin" / applet)


def _program_headers(data: bytes) -> list[int]:
    """The kinds (p_type) of an ELF file's program headers."""
    bits, endian = struct.unpack_from("BB", data, 4)
    order = "<" if endian == 1 else ">"
    if bits == 2:
        table = struct.unpack_from(f"{order}Q", data, 32)[0]
        size, count = struct.unpack_from(f"{order}HH", data, 54)
    else:
        table = struct.unpack_from(f"{order}I", data, 28)[0]
        size, count = struct.unpack_from(f"{order}HH", data, 42)
    return [struct.unpack_from(f"{order}I", data, table + size * i)[0] for i in range(count)]


def _layer(busybox: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, mode in _DIRECTORIES:
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE
            entry.mode = mode
            tar.addfile(entry)
        _add_file(tar, "etc/passwd", _USERS.encode(), 0o644)
        _add_file(tar, "bin/busybox", busybox.read_bytes(), 0o755)
        for applet in applets(busybox):
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type = tarfile.SYMTYPE
            entry.linkname = "busybox"
            tar.addfile(entry)
    return out.getvalue()


def _add_file(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = mode
    tar.addfile(entry, io.BytesIO(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
