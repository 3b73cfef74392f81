"""The image: what the Dockerfile promises, and a real build without network.

The build takes its base from `local-base.sh` and its packages from a wheelhouse kept in the user's
cache, which is filled through pip once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
LOCKS = ROOT / "deploy" / "requirements"
SOURCES = (
    *("pyproject.toml", "setup.py", "README.md", "LICENSE"),
    *("agent", "exporters", "dashboards"),
)


def instructions() -> list[str]:
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_every_command_is_in_exec_form() -> None:
    commands = [
        line for line in instructions() if re.match(r"(RUN|CMD|ENTRYPOINT|HEALTHCHECK)\b", line)
    ]
    assert len(commands) >= 8
    for line in commands:
        assert json.loads(line[line.index("[") :])


def test_the_image_does_not_run_as_root_unless_asked() -> None:
    last_stage = instructions()[instructions().index("FROM ${BASE}") :]
    assert [line for line in last_stage if line.startswith("USER")] == ["USER 65532:65532"]


def test_everything_that_is_installed_is_locked_by_hash() -> None:
    for line in instructions():
        if '"install"' in line:
            assert "--require-hashes" in line or "--no-index" in line, line
    assert "--hash=sha256:" in (LOCKS / "build.txt").read_text()


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        # The classic builder is in every docker; BuildKit needs the buildx plugin.
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def wheelhouse() -> Path:
    """Wheels for Debian's Python, one directory per set of requirements."""
    locks = (LOCKS / "run.txt", LOCKS / "build.txt")
    version = run("/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    key = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks) + version.encode())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "container-agent"
    place = cache / f"wheels-{key.hexdigest()[:16]}"
    if not place.exists():
        making = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
        for lock in locks:
            run(
                *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"),
                *("--only-binary", ":all:", "--python-version", version.strip()),
                *("--dest", making, "-r", lock),
            )
        making.rename(place)
    return place


@pytest.fixture(scope="module")
def docker(docker_host: DockerHost) -> Iterator[None]:
    """The session's own Docker, for every `docker` that is run here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{docker_host.socket}")
        yield


@pytest.fixture(scope="module")
def image(docker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if subprocess.run(["dpkg", "-s", "python3-venv"], capture_output=True).returncode != 0:
        pytest.skip("the base image is made from Debian's python3-venv, which is not installed")
    context = tmp_path_factory.mktemp("context")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, context / name, ignore=ignore)
        else:
            shutil.copy(source, context / name)
    shutil.copytree(LOCKS, context / "deploy" / "requirements")
    shutil.copytree(wheelhouse(), context / "wheelhouse")
    name = f"container-agent-test-{uuid.uuid4().hex}"
    base, stage, tag = f"{name}:base", f"{name}:build", f"{name}:agent"
    build: tuple[str | Path, ...] = (
        *("docker", "build", "--network", "none", "--force-rm", "--file", DOCKER / "Dockerfile"),
        *("--build-arg", f"BASE={base}", "--build-arg", "PIP_NO_INDEX=1"),
        *("--build-arg", "PIP_FIND_LINKS=/src/wheelhouse"),
    )
    try:
        run(DOCKER / "local-base.sh", base)
        # The first stage gets a name of its own, or nothing could remove it afterwards.
        run(*build, "--target", "build", "--tag", stage, context)
        run(*build, "--tag", tag, context)
        yield tag
    finally:
        for made in (tag, stage, base):
            subprocess.run(["docker", "image", "rm", made], capture_output=True, check=False)


def in_image(image: str, *command: str) -> str:
    return run(
        *("docker", "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", image, *command),
    )


def health(container: str) -> str:
    """What `agent health` prints in it; "" while it is not ready."""
    return subprocess.run(
        ["docker", "exec", container, "agent", "health"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    ).stdout.removeprefix("the host has not been read yet\n")


@pytest.mark.host
@pytest.mark.timeout(300)
class TestTheBuiltImage:
    def test_it_runs_as_nobody_in_particular_with_nothing_writable(self, image: str) -> None:
        assert in_image(image, "--version").startswith("agent ")

    def test_it_has_the_dashboards_in_it(self, image: str) -> None:
        output = run(
            *("docker", "run", "--rm", "--network", "none", "--tmpfs", "/out:mode=1777", image),
            *("dashboards", "export", "/out"),
        )
        assert output.split() == ["/out/container.json"]

    def test_its_health_check_fails_where_no_agent_answers(self, image: str) -> None:
        done = subprocess.run(
            ["docker", "run", "--rm", "--network", "none", image, "health"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 5
        assert "no answer from 127.0.0.1:9464" in done.stderr

    def test_the_probes_count_in_a_container_with_the_rights_that_are_told(
        self, image: str
    ) -> None:
        name = f"container-agent-test-{uuid.uuid4().hex}"
        # Docker 20.10 knows no CAP_BPF and CAP_PERFMON; SYS_ADMIN stands in for both.
        rights = ("SYS_PTRACE", "DAC_READ_SEARCH", "SYS_ADMIN")
        run(
            *("docker", "run", "--detach", "--name", name, "--network", "none", "--read-only"),
            *("--user", "0:0", "--pid", "host", "--cap-drop", "ALL"),
            *(part for right in rights for part in ("--cap-add", right)),
            *("--security-opt", "no-new-privileges"),
            *("--tmpfs", "/var/lib/container-agent", "--tmpfs", "/var/log/container-agent"),
            *("--volume", "/proc:/host/proc:ro", "--env", "AGENT_PATHS_PROC=/host/proc"),
            *("--volume", "/sys/fs/cgroup:/host/sys/fs/cgroup:ro"),
            *("--env", "AGENT_PATHS_CGROUP=/host/sys/fs/cgroup", image),
        )
        try:
            wait_until(lambda: health(name) != "", 60, "the agent is ready")
            assert health(name) == "ok\n"
        finally:
            run("docker", "rm", "--force", name)

    def test_it_carries_no_package_manager_and_its_labels(self, image: str) -> None:
        config = json.loads(run("docker", "image", "inspect", image))[0]["Config"]
        assert config["User"] == "65532:65532"
        assert config["Healthcheck"]["Test"] == ["CMD", "agent", "health"]
        assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
        done = subprocess.run(
            [
                *("docker", "run", "--rm", "--network", "none", "--entrypoint", "python", image),
                *("-c", "import pip"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "No module named 'pip'" in done.stderr
