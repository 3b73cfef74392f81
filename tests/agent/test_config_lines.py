from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.config_lines import key_lines

TEXT = '''
# A comment = not a key
top = 1
[metrics]
listen = "a"  # said
labels = [
  "x = 1",
  "[y]",
]
note = """
interval = 5
"""
[[logs.destination]]
type = "file"
[[logs.destination]]
type = "fluentd"
server = { host = "h", port = 1 }
[logs.destination.tls]
ca = "c"
[logs]
files = [{ path = "/a" }, { path = "/b" }]
journald.enabled = true
'''


def test_every_key_has_its_line() -> None:
    assert key_lines(TEXT) == {
        "top": 3,
        "metrics": 4,
        "metrics.listen": 5,
        "metrics.labels": 6,
        "metrics.note": 10,
        "logs.destination[0]": 13,
        "logs.destination[0].type": 14,
        "logs.destination[1]": 15,
        "logs.destination[1].type": 16,
        "logs.destination[1].server": 17,
        "logs.destination[1].server.host": 17,
        "logs.destination[1].server.port": 17,
        "logs.destination[1].tls": 18,
        "logs.destination[1].tls.ca": 19,
        "logs": 20,
        "logs.files": 21,
        "logs.files[0].path": 21,
        "logs.files[1].path": 21,
        "logs.journald": 22,
        "logs.journald.enabled": 22,
    }


def test_up_to_a_mistake_lines_are_told() -> None:
    assert key_lines("a = 1\nb = = 2\n") == {"a": 1}


def test_the_example_is_found_whole() -> None:
    text = (Path(__file__).parents[2] / "deploy/agent.toml").read_text()
    lines = key_lines(text)
    assert set(_keys(tomllib.loads(text))) <= set(lines)
    for key, line in lines.items():
        name = key.rpartition(".")[2].partition("[")[0]
        assert name in text.splitlines()[line - 1]


@given(st.text(alphabet="ab.[]={}\"' \n#1", max_size=60))
def test_no_text_is_too_much_for_it(text: str) -> None:
    lines = key_lines(text)
    assert all(1 <= line <= len(text.splitlines()) for line in lines.values())


def _keys(table: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{name}.")
        elif not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
            yield prefix + name
