"""argparse without gettext says what it says with it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import argparse, sys
parser = argparse.ArgumentParser("x")
parser.add_argument("--a", type=int, choices=(1, 2), help="A.")
parser.add_argument("b", nargs=2)
print(*sorted(sys.modules))
parser.parse_args()
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--a", "x", "1", "2"], ["1"], ["1", "2", "--c"]]
)
def test_it_says_the_same(arguments: list[str]) -> None:
    said = []
    for first in ("", "import agent.cli.plain_argparse"):
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"{_PATH}\n{first}\n{_PROGRAM}", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "LANGUAGE": "de"},
        )
        modules, _, shown = done.stdout.partition("\n")
        assert ("gettext" in modules.split()) is not bool(first)
        said.append((done.returncode, shown, done.stderr))
    assert said[0] == said[1]


_PATH = f"import sys; sys.path[:] = {sys.path!r}"
