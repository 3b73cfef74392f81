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


AGENT = [sys.executable, "-m", "agent"]


def test_a_full_disk_is_said_to_be_standard_output_s() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*AGENT, "version"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"agent: standard output: No space left on device\n"


def test_a_reader_that_has_what_it_wanted_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*AGENT, "version"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_closed_streams_are_no_fault_and_no_file_takes_their_place() -> None:
    command = " ".join(AGENT)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(["sh", "-c", f"{command} version {closed}"], capture_output=True)
        assert (done.returncode, done.stderr) == (0, b""), closed
        assert (b"python" in done.stdout) is (">&- " not in f"{closed} ".replace("2>&-", "")), (
            closed
        )
