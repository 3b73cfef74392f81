"""`agent doctor` on this host, by the real command line: what it gathers, and its exit code."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agent.cli.exits import ERROR
from agent.cli.main import main

NOBODY = "metrics.listen=127.0.0.1:1"


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit code, and what is said by check: (level, said)."""
    code = main(["doctor", "-o", "json", *argv])
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is (code == 0)
    assert all(one["fix"] for one in document["checks"] if one["level"] != "ok")
    return code, {one["id"]: (one["level"], one["said"]) for one in document["checks"]}


def test_a_mistake_in_the_configuration_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("[metrics]\nintervall = 5\n")
    code, checks = told(capsys, "--config", str(path))
    assert code == ERROR
    level, said = checks["config"]
    assert level == "problem"
    assert said.startswith(f"{path}:2: unknown key 'metrics.intervall'")
    assert {"memlock", "clock", "open_files", "pressure"} <= set(checks)


def test_no_agent_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, checks = told(capsys, "--set", f"logs.state={tmp_path}", "--set", NOBODY)
    assert checks["agent"][0] == "note"
    assert checks["state"] == ("ok", f"logs.state {tmp_path} can be written")
    assert checks["config"][0] == "ok"


def test_a_socket_that_is_asked_for_and_not_there_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "none.sock")
    code, checks = told(capsys, "--set", f"docker.socket={path}", "--set", NOBODY)
    assert code == ERROR
    assert checks[f"socket.{path}"][0] == "problem"


class _Agent(BaseHTTPRequestHandler):
    """Ready, and with a history that cannot be written."""

    def do_GET(self) -> None:
        page = b'agent_history_up{reason="full"} 0.0\n' if self.path == "/metrics" else b"ready\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def running() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Agent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"metrics.listen=127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_what_the_running_agent_says_is_wrong_is_told(
    running: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checks = told(capsys, "--set", running, "--set", f"logs.state={tmp_path}")
    assert checks["agent"][0] == "ok"
    assert checks["agent.agent_history_up"] == (
        "note",
        "the running agent: it says agent_history_up (reason full)",
    )
