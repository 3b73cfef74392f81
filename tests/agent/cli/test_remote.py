"""--host: another agent's screen, findings and past, and what is said where it cannot be asked."""

from __future__ import annotations

import subprocess
import sys

import orjson

from agent.cli.exits import ERROR, NOT_FOUND, USAGE
from tests.agent.test_api import api, serving


def agent(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_why_explains_a_container_of_another_host() -> None:
    with serving(api()) as host:
        done = agent("why", "--host", host, "-o", "json", "web")
        missing = agent("why", "--host", host, "nobody")
    assert done.returncode == 0, done.stderr
    (container,) = orjson.loads(done.stdout)["containers"]
    assert container["name"] == "web"
    assert container["passed"] > 5
    assert missing.returncode == NOT_FOUND
    assert "nobody" in missing.stderr


def test_top_prints_another_hosts_table() -> None:
    with serving(api()) as host:
        done = agent("top", "--host", host, "--once", "-d", "0.1", "-o", "jsonl")
    assert done.returncode == 0, done.stderr
    assert orjson.loads(done.stdout)["name"] == "web"


def test_a_host_that_cannot_be_asked_is_said() -> None:
    for command in (("why",), ("top", "--once")):
        done = agent(*command, "--host", "127.0.0.1:1")
        assert done.returncode == ERROR
        assert done.stderr.startswith(f"agent {command[0]}: http://127.0.0.1:1: ")
        assert "Traceback" not in done.stderr


def test_what_makes_no_sense_together_is_said() -> None:
    done = agent("why", "--host", "a:1", "--from", "file")
    assert (done.returncode, "--host or --from" in done.stderr) == (USAGE, True)
    done = agent("events", "--host", "a:1")
    assert (done.returncode, "--since" in done.stderr) == (USAGE, True)
    done = agent("why", "--host", "http://jo:pw@a:1")
    assert (done.returncode, "--http-config" in done.stderr) == (USAGE, True)
