"""What is printed where the terminal's encoding has not all of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
@pytest.mark.parametrize("command", [["why", "--help"], ["top", "--help"]])
def test_no_sign_is_a_traceback(encoding: str, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", *command],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode(encoding)
    assert "AGENT_..." in said  # AGENT_… in the source
