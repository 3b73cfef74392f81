"""preferences: what is kept comes back, and nothing else breaks the screen."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.top.columns import COLUMNS
from agent.top.grouping import CYCLE
from agent.top.preferences import path, read, write
from agent.top.view import View

KEYS = [column.key for column in COLUMNS if column.key not in ("name", "why")]


def test_the_file_is_where_the_person_keeps_such_files() -> None:
    assert path({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == "/x/agent/top.toml"
    assert path({"HOME": "/h"}) == "/h/.config/agent/top.toml"


@given(
    st.lists(st.sampled_from(KEYS), unique=True, max_size=8),
    st.sampled_from(KEYS),
    st.booleans(),
    st.sampled_from(CYCLE),
)
def test_what_was_written_is_read(columns: list[str], sort: str, reverse: bool, group: str) -> None:
    view = View(columns=("name", *columns), sort=sort, reverse=reverse, group=group)
    with tempfile.TemporaryDirectory() as directory:
        file = f"{directory}/agent/top.toml"
        write(file, view)
        assert read(file, View()) == (view, ())


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    assert read(str(tmp_path / "no.toml"), View(sort="cpu")) == (View(sort="cpu"), ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sort = 3", "name of a column"),
        ('sort = "colour"', "there is no field 'colour'"),
        ("columns = []", "list of names"),
        ('columns = ["cpu", "colour"]', "there is no field 'colour'"),
        ('reverse = "yes"', "true or false"),
        ('group = "colour"', "one of pod, "),
        ("colour = 1", "there are columns, sort, reverse, group"),
        ("sort =", "Invalid value"),
        ("\xff", ""),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_used(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "top.toml"
    file.write_bytes(text.encode("latin-1"))
    view, wrong = read(str(file), View(sort="cpu"))
    assert view == View(sort="cpu")
    (said,) = wrong
    assert said.startswith(str(file))
    assert says in said


def test_what_is_right_is_used_beside_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "top.toml"
    file.write_text('sort = "memory"\ngroup = "colour"\n')
    view, wrong = read(str(file), View())
    assert view.sort == "mem"
    assert len(wrong) == 1
