"""Fixtures that give tests real container runtimes, and a count of the host tests that can't run.

Each runtime is private to the session, starts when a test first asks for it, and is swept away at
the end. A machine that cannot have one skips the test with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from agent.logs import docker_json
from tests.host.block_io import count_block_io
from tests.host.containerd import ContainerdHost
from tests.host.cri import CriHost
from tests.host.cri_containerd import ContainerdEngine
from tests.host.cri_crio import CrioEngine
from tests.host.cri_engine import Engine
from tests.host.daemon import HostUnavailable, session_directory
from tests.host.docker import DockerHost
from tests.host.kubelet import Kubelet
from tests.host.kubernetes_programs import program
from tests.host.packages import Release, podman_5
from tests.host.podman import PodmanHost
from tests.host.rootless import RootlessPodman

# No test is timed: a deadline fails on a machine that others use as well.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of any length is followed by more: joining needs no lines of 16 KiB to be tested."""
    monkeypatch.setattr(docker_json, "PIECE", 0)


@pytest.fixture(scope="session")
def host_directory() -> Iterator[Path]:
    """The short directory below which all the session's runtimes live."""
    count_block_io()
    with session_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def containerd_host(host_directory: Path) -> Iterator[ContainerdHost]:
    try:
        host = ContainerdHost(host_directory)
    except HostUnavailable as reason:
        pytest.skip(f"containerd: {reason}")
    try:
        yield host
    finally:
        host.close()


@pytest.fixture(scope="session")
def docker_host(host_directory: Path, containerd_host: ContainerdHost) -> Iterator[DockerHost]:
    try:
        host = DockerHost(host_directory, containerd_host)
    except HostUnavailable as reason:
        pytest.skip(f"docker: {reason}")
    try:
        yield host
    finally:
        host.close()


@pytest.fixture(scope="session")
def newest_docker_host(
    host_directory: Path, containerd_host: ContainerdHost
) -> Iterator[DockerHost]:
    """The newest Docker of the distribution's releases, with its images in containerd."""
    try:
        programs = Release("sid").unpack("docker.io", "docker-cli") / "usr"
        host = DockerHost(host_directory, containerd_host, programs=programs, image_store=True)
    except HostUnavailable as reason:
        pytest.skip(f"newest docker: {reason}")
    try:
        yield host
    finally:
        host.close()


@pytest.fixture(scope="session")
def podman_host(host_directory: Path) -> Iterator[PodmanHost]:
    yield from _podman_host(host_directory, lambda: "podman")


@pytest.fixture(scope="session", params=["installed", "podman-5"])
def any_podman_host(request: pytest.FixtureRequest, host_directory: Path) -> Iterator[PodmanHost]:
    """The installed Podman, and Podman 5."""
    if request.param == "installed":
        yield request.getfixturevalue("podman_host")
    else:
        yield from _podman_host(host_directory, lambda: str(podman_5()))


@pytest.fixture(scope="session")
def rootless_podman(host_directory: Path) -> Iterator[RootlessPodman]:
    try:
        host = RootlessPodman(host_directory)
    except HostUnavailable as reason:
        pytest.skip(f"rootless podman: {reason}")
    try:
        yield host
    finally:
        host.close()


def _podman_host(directory: Path, program: Callable[[], str]) -> Iterator[PodmanHost]:
    try:
        host = PodmanHost(directory, program())
    except HostUnavailable as reason:
        pytest.skip(f"podman: {reason}")
    try:
        yield host
    finally:
        host.close()


NEWER_CONTAINERD = {"containerd-1.7": "trixie", "containerd-2": "sid"}
"""The distribution's releases that have the generations of containerd that are not installed."""


@pytest.fixture(scope="session")
def cri_host(host_directory: Path) -> Iterator[CriHost]:
    """A kubelet's stand-in on the installed containerd."""
    yield from _cri_host(host_directory, "")


@pytest.fixture(scope="session", params=["installed", *NEWER_CONTAINERD, "cri-o"])
def any_cri_host(request: pytest.FixtureRequest, host_directory: Path) -> Iterator[CriHost]:
    """A kubelet's stand-in on each generation of containerd, and on CRI-O where that is found."""
    if request.param == "installed":
        yield request.getfixturevalue("cri_host")
    elif request.param == "cri-o":
        yield from _cri_pods(host_directory, lambda: CrioEngine(host_directory))
    else:
        yield from _cri_host(host_directory, NEWER_CONTAINERD[request.param])


def _cri_host(directory: Path, suite: str) -> Iterator[CriHost]:
    def start() -> ContainerdEngine:
        binaries = Release(suite).unpack("containerd") / "usr/bin" if suite else None
        return ContainerdEngine(directory, binaries)

    yield from _cri_pods(directory, start)


def _cri_pods(directory: Path, start: Callable[[], Engine]) -> Iterator[CriHost]:
    try:
        host = CriHost(directory, start())
    except HostUnavailable as reason:
        pytest.skip(f"pods over CRI: {reason}")
    try:
        yield host
    finally:
        host.close()


@pytest.fixture(scope="session")
def kubelet(host_directory: Path) -> Iterator[Kubelet]:
    """A real kubelet without an API server, where it was built (`make kubelet`)."""
    directory = host_directory / "node"
    try:
        program("kubelet")
        directory.mkdir()
        node = Kubelet(directory, ContainerdEngine(directory))
    except HostUnavailable as reason:
        pytest.skip(f"kubelet: {reason}")
    try:
        yield node
    finally:
        node.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many host tests were skipped and why: a green run on a laptop proves less."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        if "host" in report.keywords and isinstance(report.longrepr, tuple):
            reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1
    if reasons:
        terminalreporter.section(f"{reasons.total()} host tests did not run on this machine")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:4} {reason}")
