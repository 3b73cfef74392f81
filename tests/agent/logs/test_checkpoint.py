"""agent/logs/checkpoint.py"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.checkpoint import (
    FileRecord,
    UnreadableCheckpoint,
    decode,
    encode,
    load,
    save,
)
from agent.logs.fingerprint import head_of

FILES = (
    FileRecord("/var/log/pods/a/0.log", 17, head_of(b"x" * 2000), 4711, False),
    FileRecord("/var/log/pods/a/0.log", 18, head_of(b""), 0, True),
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = str(tmp_path / "logs.json")
    asyncio.run(save(path, FILES))
    assert load(path).files == FILES
    asyncio.run(save(path, FILES[:1]))
    assert load(path).files == FILES[:1]
    assert [item.name for item in tmp_path.iterdir()] == ["logs.json"]


def test_no_checkpoint_is_an_empty_one(tmp_path: Path) -> None:
    loaded = load(str(tmp_path / "logs.json"))
    assert loaded.files == ()
    assert loaded.set_aside == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (encode(FILES)[:-5], "not JSON"),
        (b"[]", "no version"),
        (b'{"version":2,"files":[]}', "has version 2, this agent reads 1"),
        (b'{"version":true,"files":[]}', "no version"),
        (b'{"version":1}', "no list of files"),
        (b'{"version":1,"files":[{}]}', "a file that is not one"),
        (encode(FILES).replace(b"4711", b"-1"), "a file that is not one"),
        (encode(FILES).replace(b"4711", b"1e3"), "a file that is not one"),
    ],
)
def test_an_unreadable_one_is_kept_aside_with_the_reason(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "logs.json"
    path.write_bytes(data)
    loaded = load(str(path))
    assert loaded.files == ()
    assert reason in loaded.reason
    assert loaded.set_aside == f"{path}.corrupt"
    assert Path(loaded.set_aside).read_bytes() == data
    assert not path.exists()


def test_a_second_unreadable_one_does_not_overwrite_the_first(tmp_path: Path) -> None:
    path = tmp_path / "logs.json"
    for content in ("first", "second"):
        path.write_text(content)
        load(str(path))
    assert (tmp_path / "logs.json.corrupt").read_text() == "first"
    assert (tmp_path / "logs.json.corrupt-2").read_text() == "second"


def test_a_failed_save_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "logs.json"
    asyncio.run(save(str(path), FILES))
    (tmp_path / "logs.json.tmp").mkdir()  # the temporary file cannot be made
    with pytest.raises(IsADirectoryError):
        asyncio.run(save(str(path), ()))
    assert load(str(path)).files == FILES


@given(cut=st.integers(0, 400))
def test_every_cut_of_the_file_is_refused_or_whole(cut: int) -> None:
    data = encode(FILES)
    if cut >= len(data):
        assert decode(data) == FILES
    else:
        with pytest.raises(UnreadableCheckpoint):
            decode(data[:cut])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)


@given(rows=st.lists(st.dictionaries(
    st.sampled_from(["path", "inode", "length", "digest", "offset", "done"]), JSON)))  # fmt: skip
def test_no_json_raises_anything_else(rows: list[object]) -> None:
    data = json.dumps({"version": 1, "files": rows}).encode()
    try:
        files = decode(data)
    except UnreadableCheckpoint:
        return
    assert len(files) == len(rows)
