"""`agent logs` of a real Docker's containers, beside `docker logs`."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.host.agent import command
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost
from tests.log_host import ROOT

pytestmark = pytest.mark.host

SCRIPT = "i=0; while [ $i -lt 300 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; sleep 1000"


@contextmanager
def container(host: DockerHost, name: str, *options: str) -> Iterator[None]:
    host.run(name, ["/bin/sh", "-c", SCRIPT], options=options)
    try:
        wait_until(lambda: "out 299" in host.cli("logs", name), 30, "the last line")
        yield
    finally:
        host.remove(name)


def agent_logs(host: DockerHost, tmp_path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "proc").mkdir(exist_ok=True)
    settings = (f"paths.docker=['{host.root}']", f"paths.proc={tmp_path / 'proc'}")
    argv = command("logs", *more, *(part for one in settings for part in ("--set", one)))
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("driver", ["json-file", "local", "gelf"])
def test_it_prints_what_docker_prints(docker_host: DockerHost, tmp_path: Path, driver: str) -> None:
    options = [f"--log-driver={driver}"]
    name = f"agent-logs-{driver}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as graylog:
        graylog.bind(("127.0.0.1", 0))
        if driver == "gelf":  # sent away, and kept by Docker to be looked at
            options += ["--log-opt", f"gelf-address=udp://127.0.0.1:{graylog.getsockname()[1]}"]
        with container(docker_host, name, *options):
            done = agent_logs(docker_host, tmp_path, name, "--stream", "stdout")
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.splitlines() == [f"out {number}" for number in range(300)]
            last = agent_logs(docker_host, tmp_path, name, "-n", "2", "--grep", "^err")
            assert last.stdout.splitlines() == ["err 298", "err 299"]


def test_a_container_that_keeps_nothing_is_said(docker_host: DockerHost, tmp_path: Path) -> None:
    docker_host.run("agent-logs-none", ["/bin/true"], options=["--log-driver=none"])
    try:
        done = agent_logs(docker_host, tmp_path, "agent-logs-none")
    finally:
        docker_host.remove("agent-logs-none")
    assert (done.returncode, done.stdout) == (3, "")
    assert "log driver none" in done.stderr


def test_what_is_followed_ends_when_its_container_is_removed(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    docker_host.run("agent-logs-f", ["/bin/sh", "-c", "echo first; sleep 1000"])
    out = tmp_path / "out"
    settings = f"paths.docker=['{docker_host.root}']"
    argv = command("logs", "agent-logs-f", "-f", "--set", settings)
    with out.open("wb") as file, subprocess.Popen(argv, cwd=ROOT, stdout=file) as following:
        try:
            wait_until(lambda: out.read_bytes() == b"first\n", 30, "what is there")
        finally:
            docker_host.remove("agent-logs-f")
        assert following.wait(30) == 0
