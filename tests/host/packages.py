"""Programs of other Debian releases, unpacked beside the system and not installed.

    trixie = Release("trixie")
    trixie.unpack("containerd") / "usr/bin/containerd"

What was unpacked once stays in $XDG_CACHE_HOME/container-agent/packages. Packages come from the
archive this machine's own apt uses, so this works on Debian only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.host.daemon import HostUnavailable, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def cache() -> Path:
    """The directory where unpacked packages stay."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "container-agent" / "packages"


class Release:
    """One release of the distribution, by its suite's name."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self._directory = cache() / suite

    def unpack(self, *packages: str) -> Path:
        """
        The directory these packages are unpacked in, all together.

        Raises `HostUnavailable` where they cannot be had.
        """
        root = self._directory / "_".join(sorted(packages))
        if root.is_dir():
            return root
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise HostUnavailable("needs apt-get and dpkg-deb to unpack another release's packages")
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._directory) as temporary:
            new = Path(temporary) / "root"
            try:
                run(
                    ["apt-get", *self._update(Path(temporary)), "download", *packages],
                    timeout=300,
                    cwd=Path(temporary),
                )
                for deb in Path(temporary).glob("*.deb"):
                    run(["dpkg-deb", "--extract", str(deb), str(new)], timeout=120)
                new.rename(root)
            except (OSError, subprocess.SubprocessError) as error:
                raise HostUnavailable(f"{self.suite}'s {' '.join(packages)}: {error}") from None
        return root

    def dependencies(self, package: str, pattern: str) -> list[str]:
        """
        The packages matching `pattern` that one depends on: a kernel's parts, by its metapackage.

        What was found stays found: asked anew, a cache would never be used. Raises
        `HostUnavailable`.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        kept = self._directory / f"{package}.depends"
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=self._directory) as temporary:
                try:
                    options = self._update(Path(temporary))
                    told = run(["apt-cache", *options[1:], "depends", package])
                except (OSError, subprocess.SubprocessError) as error:
                    raise HostUnavailable(f"{self.suite}'s {package}: {error}") from None
            kept.write_text(told)
        lines = [line.split() for line in kept.read_text().splitlines()]
        names = [words[1] for words in lines if len(words) == 2 and words[0] == "Depends:"]
        return [name for name in names if re.fullmatch(pattern, name)]

    def _update(self, directory: Path) -> list[str]:
        """Options for a package list of this release alone, from the mirror the machine uses."""
        archives = run(
            [
                *("apt-get", "indextargets", "--format", "$(REPO_URI)"),
                *("Created-By: Packages", "Origin: Debian", "Label: Debian"),
            ]
        ).splitlines()
        if not archives:
            raise HostUnavailable("apt knows no Debian archive")
        signed = f"[signed-by={KEYRING}] " if Path(KEYRING).exists() else ""
        sources = directory / "sources.list"
        sources.write_text(f"deb {signed}{archives[0]} {self.suite} main\n")
        (directory / "status").touch()
        for name in ("lists/partial", "cache/archives/partial"):
            (directory / name).mkdir(parents=True)
        settings = {
            "Dir::Etc::SourceList": sources,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": directory / "lists",
            "Dir::State::Status": directory / "status",
            "Dir::Cache": directory / "cache",
            # apt's own user may not enter a home directory.
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        options = ["-q", *(f"-o{name}={value}" for name, value in settings.items())]
        run(["apt-get", *options, "update"], timeout=300)
        return options


_PODMAN_5 = (
    *("podman", "libc6", "libgpgme11t64", "libassuan9", "libgpg-error0", "libsubid5"),
    *("libsqlite3-0", "libseccomp2", "libselinux1", "libpcre2-8-0", "libgcc-s1", "netavark"),
)


def podman_5() -> Path:
    """
    Podman 5 of Debian 13, made to run with the C library of its own release.

    Raises `HostUnavailable`.
    """
    root = Release("trixie").unpack(*_PODMAN_5)
    program = root / "podman"
    if program.exists():
        return program
    patchelf = Release(_own_release()).unpack("patchelf") / "usr/bin/patchelf"
    (libraries,) = (root / "usr/lib").glob("*-linux-gnu")
    (loader,) = libraries.glob("ld-linux-*")
    with tempfile.TemporaryDirectory(dir=root) as temporary:
        new = Path(temporary) / "podman"
        shutil.copy(root / "usr/bin/podman", new)
        options = ["--set-interpreter", str(loader), "--force-rpath", "--set-rpath", str(libraries)]
        try:
            run([str(patchelf), *options, str(new)])
        except subprocess.SubprocessError as error:
            raise HostUnavailable(str(error)) from None
        new.rename(program)
    return program


def _own_release() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value
    raise HostUnavailable("/etc/os-release names no release")
