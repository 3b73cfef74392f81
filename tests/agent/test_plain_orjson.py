"""orjson without dataclasses and uuid reads and writes what it does with them."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
from agent.plain_orjson import orjson
assert not {"dataclasses", "inspect", "json", "uuid"} & sys.modules.keys()
value = {"a": [1, 2.5, None, True, "\u00e9"]}
assert orjson.loads(orjson.dumps(value)) == value
try:
    orjson.loads(b"{")
except ValueError as error:
    assert isinstance(error, orjson.JSONDecodeError)
    assert "char 1" in str(error) and error.pos == 1, error
import dataclasses, json, uuid
assert json.loads("1") == 1
assert uuid.uuid4() and dataclasses.make_dataclass("C", ["x"])(1).x == 1
"""


def test_it_works_and_the_modules_it_does_without_work_too() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
