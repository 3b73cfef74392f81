"""Kubernetes' own programs, built from its Go module, once, into a cache directory.

    python -m tests.host.kubernetes_programs all | kubelet kubectl …

They stay in $XDG_CACHE_HOME/container-agent/kubernetes-VERSION. A test takes what is there and
builds nothing: a kubelet is ten minutes of CPU time and 2 GB of modules and objects.

The module's zip has no staging/ directory, which its go.mod points to for two dozen modules; each
of them is published with the same number, v0.MINOR.PATCH for v1.MINOR.PATCH.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.host.daemon import HostUnavailable

VERSION = "1.34.2"
"""The last minor release whose kubelet starts on cgroup v1 unasked."""
PROGRAMS = ("kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
_MODULE = "k8s.io/kubernetes"
_STAGED = re.compile(r"^\s*(k8s\.io/[a-z0-9-]+) => \./staging/", re.MULTILINE)
_GO = re.compile(r"^go .*$", re.MULTILINE)


def program(name: str) -> Path:
    """A program on PATH, or that was built. Raises `HostUnavailable` where there is none."""
    found = Path(shutil.which(name) or _directory() / name)
    if not found.exists():
        raise HostUnavailable(
            f"{name} is not built: python -m tests.host.kubernetes_programs {name}"
        )
    return found


def build(name: str) -> Path:
    """Build a program, if that was not done before. Raises `HostUnavailable`, with go's words."""
    directory = _directory()
    found = directory / name
    if found.exists():
        return found
    if shutil.which("go") is None:
        raise HostUnavailable("go is not installed, to build Kubernetes")
    directory.mkdir(parents=True, exist_ok=True)
    told = json.loads(_go(directory, "mod", "download", "-json", f"{_MODULE}@v{VERSION}"))
    (directory / "go.mod").write_text(_go_mod(Path(told["GoMod"]).read_text()))
    new = directory / f"{name}.new"
    major, minor, _ = VERSION.split(".")
    told_version = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor}
    flags = [f"-X k8s.io/component-base/version.{key}={told_version[key]}" for key in told_version]
    _go(
        directory,
        *("build", "-trimpath", f"-ldflags=-s -w {' '.join(flags)}"),
        *("-o", str(new), f"{_MODULE}/cmd/{name}"),
    )
    return new.rename(found)


def _go_mod(theirs: str) -> str:
    """A module that requires Kubernetes, with what `theirs` takes from staging/ from the proxy."""
    go = _GO.search(theirs)
    staged = _STAGED.findall(theirs)
    if go is None or not staged:
        raise HostUnavailable(f"{_MODULE}'s go.mod is not what it was")
    published = f"v0.{VERSION.partition('.')[2]}"
    replaced = "".join(f"\t{module} => {module} {published}\n" for module in staged)
    return f"module programs\n\n{go[0]}\n\nrequire {_MODULE} v{VERSION}\n\nreplace (\n{replaced})\n"


def _go(directory: Path, *arguments: str) -> str:
    environment = {**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "0"}
    outside = arguments[:2] == ("mod", "download")
    done = subprocess.run(
        ["go", *arguments],
        cwd=directory.parent if outside else directory,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise HostUnavailable(f"go {' '.join(arguments[:2])}: {' | '.join(said[-3:])}")
    return done.stdout


def _directory() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "container-agent" / f"kubernetes-{VERSION}"


def main(names: list[str]) -> int:
    """Build what is named; print where it is."""
    wanted = PROGRAMS if names == ["all"] else names
    if not wanted or not set(wanted) <= set(PROGRAMS):
        print(f"which? all, or of {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    for name in wanted:
        try:
            print(build(name))
        except HostUnavailable as reason:
            print(reason, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
