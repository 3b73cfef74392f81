"""tomllib with a named tuple of ours reads what it reads."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import typing
before = typing.NamedTuple
from agent.configfile import load
from agent.named_tuple import Row
import tomllib, tomllib._parser
assert issubclass(tomllib._parser.Output, Row)
assert typing.NamedTuple is before
assert load(settings=["metrics.interval=7"]).metrics.interval == 7
assert tomllib.loads("[a.b]\\nc = [1, {d = 2024-01-01}]\\n")["a"]["b"]["c"][0] == 1
"""


def test_it_reads_a_configuration_and_leaves_typing_as_it_was() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
