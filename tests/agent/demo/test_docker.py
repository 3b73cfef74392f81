"""The commands given to docker and podman."""

from __future__ import annotations

import resource

import pytest

from agent.demo.client import IMAGE, Job
from agent.demo.docker import docker, podman, process_limits

JOB = Job("demo-x", ("/bin/sh", "-c", "true"), {"a": "b"}, cpus=0.2, memory=1 << 26, restart=True)


def test_docker_gets_limits_that_cover_swap_and_a_log_that_stays_small() -> None:
    assert docker().run_arguments(JOB) == [
        *("run", "--detach", "--name", "demo-x", "--network", "none", "--pull", "never"),
        *("--label", "a=b", "--cpus", "0.2"),
        *("--memory", "67108864", "--memory-swap", "67108864", "--restart", "on-failure"),
        *("--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "max-file=3"),
        *(IMAGE, "/bin/sh", "-c", "true"),
    ]


def test_a_job_without_limits_has_no_limit_options() -> None:
    arguments = docker().run_arguments(Job("demo-x", ("true",), {}))
    assert not {"--cpus", "--memory", "--memory-swap", "--restart", "--label"} & set(arguments)


def test_podman_logs_in_the_form_the_agent_reads() -> None:
    arguments = podman().run_arguments(JOB)
    assert arguments[arguments.index("--log-driver") + 1] == "k8s-file"


def test_the_host_of_the_environment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that `stop`, in another shell, finds the same daemon."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///x.sock")
    assert docker().options == ("--host", "unix:///x.sock")
    assert docker(["--host", "unix:///y.sock"]).options == ("--host", "unix:///y.sock")


def test_podmans_options_are_the_same_when_they_are_given_again() -> None:
    options = podman(["--root", "/x"]).options
    assert podman(options).options == options


@pytest.mark.parametrize(
    ("files", "processes", "expected"),
    [
        (resource.RLIM_INFINITY, 5, ()),
        (1048576, 5, ()),
        (20000, 96364, ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=32768:32768")),
        (20000, 300, ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=300:300")),
        (
            *(20000, resource.RLIM_INFINITY),
            ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=32768:32768"),
        ),
    ],
)
def test_podman_never_asks_for_more_than_our_hard_limits(
    files: int, processes: int, expected: tuple[str, ...]
) -> None:
    assert process_limits(files, processes) == expected
