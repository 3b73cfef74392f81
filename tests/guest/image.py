"""The guest's disk image and kernels, built once into a cache directory outside the checkout.

    image = build()          # minutes the first time, nothing after
    image.disk               # ext4, never written to: a guest writes to a copy on write
    image.kernels["6.12"]    # vmlinuz and an initrd that finds the disk

$XDG_CACHE_HOME/container-agent/guest/KEY. Needs root and Debian; says what is missing.
"""

from __future__ import annotations

import fcntl
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.guest import recipe
from tests.host.daemon import HostUnavailable, need_root, run
from tests.host.packages import Release, cache

TOOLS: Final = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "depmod": "kmod",
    "busybox": "busybox-static",
}
"""Program → the package that has it."""
DISK_SIZE: Final = "6G"
SITE_PACKAGES: Final = "opt/agent/site-packages"
_MODULES: Final = ("virtio_pci", "virtio_blk", "ext4", "virtio_console")
_INIT: Final = """#!/bin/sh
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
while [ ! -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 /dev/vda /root
mount --move /dev /root/dev; umount /proc /sys
exec switch_root /root /sbin/init
"""


@dataclass(frozen=True, slots=True)
class BootFiles:
    """One kernel's files."""

    version: str
    vmlinuz: Path
    initrd: Path


@dataclass(frozen=True, slots=True)
class Image:
    """What a guest boots from."""

    disk: Path
    kernels: Mapping[str, BootFiles]


def build() -> Image:
    """Make the image, or find it. Raises `HostUnavailable` where this machine cannot."""
    need_root()
    _install_tools()
    home = cache().parent / "guest"
    home.mkdir(parents=True, exist_ok=True)
    directory = home / recipe.key()
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir():
            _say("building the guest's image: some minutes, once")
            with tempfile.TemporaryDirectory(dir=home) as temporary:
                new = Path(temporary) / "image"
                new.mkdir()
                try:
                    _build(new)
                except subprocess.SubprocessError as error:
                    raise HostUnavailable(f"guest image: {error}") from None
                new.rename(directory)
    kernels = {}
    for place in sorted((directory / "kernels").iterdir()):
        version = (place / "version").read_text()
        kernels[place.name] = BootFiles(version, place / "vmlinuz", place / "initrd")
    return Image(directory / "disk.ext4", kernels)


def _build(directory: Path) -> None:
    root = directory / "root"
    # Not verified by date: a mirror that is a snapshot has old lists.
    run(
        [
            *("mmdebstrap", "--mode=root", "--variant=minbase"),
            *(
                "--aptopt=Acquire::Check-Valid-Until false",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
            ),
            *("--dpkgopt=path-exclude=/usr/share/man/*", f"--include={','.join(recipe.PACKAGES)}"),
            *(recipe.SUITE, str(root)),
        ],
        timeout=1500,
    )
    _configure(root)
    _python_packages(root / SITE_PACKAGES)
    for kernel in recipe.KERNELS:
        _kernel(kernel, root, directory / "kernels" / kernel.name)
    run(
        ["mkfs.ext4", "-q", "-F", "-d", str(root), str(directory / "disk.ext4"), DISK_SIZE],
        timeout=600,
    )
    shutil.rmtree(root)


def _configure(root: Path) -> None:
    """A host's name, no password, persistent journal; daemons start when a test asks for them."""
    (root / "etc/hostname").write_text("guest\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
    for wants in (root / "etc/systemd/system").glob("*.wants"):
        for link in wants.iterdir():
            if link.name in recipe.DISABLED:
                link.unlink()
    (root / "etc/modules-load.d/guest.conf").write_text("overlay\nveth\nbridge\nbr_netfilter\n")


def _python_packages(target: Path) -> None:
    """The locked packages as wheels for the guest's Python, not this machine's."""
    target.mkdir(parents=True)
    locks = [recipe.REPOSITORY / "deploy/requirements" / name for name in ("run.txt", "dev.txt")]
    platforms = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
    run(
        [
            *(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary=:all:", "--python-version=3.13"),
            *(f"--platform={platform}" for platform in platforms),
            *("--target", str(target), "--require-hashes"),
            *(f"--requirement={lock}" for lock in locks),
        ],
        timeout=900,
    )


def _kernel(kernel: recipe.Kernel, root: Path, target: Path) -> None:
    """A kernel's modules into the guest's root, its image and an initrd into `target`."""
    target.mkdir(parents=True)
    release = Release(kernel.suite)
    (package,) = release.dependencies(kernel.package, r"linux-image-\d.*")
    # From Linux 7 on the distribution has image and modules in packages of their own.
    parts = release.dependencies(package, r"linux-(base|binary|modules)-\d.*")
    unpacked = release.unpack(package, *parts)
    vmlinuz, modules = _kernel_files(unpacked)
    version = modules.name
    installed = root / "usr/lib/modules" / version
    shutil.copytree(modules, installed, symlinks=True)
    run(["depmod", "-b", str(root), version], timeout=120)
    shutil.copy(vmlinuz, target / "vmlinuz")
    (target / "version").write_text(version)
    _initrd(installed, target / "initrd")


def _kernel_files(unpacked: Path) -> tuple[Path, Path]:
    """The kernel's image, and its modules' directory, which is named after its version."""
    found = [
        (vmlinuz, modules)
        for modules in (*unpacked.glob("lib/modules/*"), *unpacked.glob("usr/lib/modules/*"))
        for vmlinuz in (unpacked / f"boot/vmlinuz-{modules.name}", modules / "vmlinuz")
        if vmlinuz.is_file() and (modules / "kernel").is_dir()
    ]
    if not found:
        raise HostUnavailable(f"guest image: no kernel in {unpacked.name}")
    return found[0]


def _initrd(modules: Path, target: Path) -> None:
    """BusyBox and the modules that the disk needs."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary)
        for name in ("bin", "dev", "proc", "sys", "root", "modules"):
            (tree / name).mkdir()
        shutil.copy(shutil.which("busybox") or "", tree / "bin/busybox")
        for applet in ("sh", "cat", "mount", "umount", "insmod", "sleep", "switch_root"):
            (tree / "bin" / applet).symlink_to("busybox")
        order = []
        for path in module_order((modules / "modules.dep").read_text(), _MODULES):
            data = (modules / path).read_bytes()
            name = Path(path).name.partition(".ko")[0] + ".ko"
            (tree / "modules" / name).write_bytes(_decompressed(path, data))
            order.append(name)
        (tree / "modules/order").write_text("\n".join(order) + "\n")
        (tree / "init").write_text(_INIT)
        (tree / "init").chmod(0o755)
        names = [str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))]
        archive = subprocess.run(
            ["busybox", "cpio", "-o", "-H", "newc"],
            input="\n".join(names).encode(),
            cwd=tree,
            capture_output=True,
            check=True,
        )
        target.write_bytes(archive.stdout)


def module_order(modules_dep: str, wanted: Iterable[str]) -> list[str]:
    """
    Paths of the wanted modules and of what they need, each after what it needs.

    A module that is not there is built into the kernel. `modules_dep` is depmod's file, "PATH:
    NEEDED NEEDED…"; what is named last there is to be loaded first.
    """
    needs = {}
    for line in modules_dep.splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {Path(path).name.partition(".ko")[0]: path for path in needs}
    order: dict[str, None] = {}
    for name in wanted:
        if name in by_name:
            for path in (*reversed(needs[by_name[name]]), by_name[name]):
                order.setdefault(path)
    return list(order)


def _decompressed(path: str, data: bytes) -> bytes:
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-qdc"], input=data, capture_output=True, check=True).stdout
    return data


def _install_tools() -> None:
    missing = [package for program, package in TOOLS.items() if shutil.which(program) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise HostUnavailable(f"not installed: {', '.join(missing)}")
    _say(f"installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    argv = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    try:
        run(["apt-get", "update", "-qq"], timeout=300)
        run(argv, environment=environment, timeout=900)
    except subprocess.SubprocessError as error:
        raise HostUnavailable(str(error)) from None


def _say(sentence: str) -> None:
    print(f"guest: {sentence}", file=sys.stderr, flush=True)
