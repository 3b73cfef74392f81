from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import inotify
from agent.inotify import Change, Inotify, parse


@pytest.fixture
def watches() -> Iterator[Inotify]:
    instance = Inotify()
    yield instance
    instance.close()


def test_directories_that_come_and_go_are_told(watches: Inotify, tmp_path: Path) -> None:
    number = watches.add(str(tmp_path), inotify.CREATE | inotify.DELETE)
    (tmp_path / "a").mkdir()
    (tmp_path / "a").rmdir()
    assert watches.read() == [
        Change(number, inotify.CREATE | inotify.ISDIR, "a"),
        Change(number, inotify.DELETE | inotify.ISDIR, "a"),
    ]
    assert watches.read() == []


def test_a_removed_watch_says_nothing_more(watches: Inotify, tmp_path: Path) -> None:
    number = watches.add(str(tmp_path), inotify.CREATE)
    watches.remove(number)
    (tmp_path / "a").mkdir()
    assert [change.mask for change in watches.read()] == [inotify.IGNORED]


def test_a_path_that_is_gone_is_refused_with_its_name(watches: Inotify, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused:
        watches.add(str(tmp_path / "gone"), inotify.CREATE)
    assert refused.value.errno == errno.ENOENT
    assert refused.value.filename == str(tmp_path / "gone")


def test_closing_twice_is_no_error() -> None:
    instance = Inotify()
    instance.close()
    instance.close()


@given(
    st.lists(
        st.tuples(
            st.integers(-1, 2**31 - 1),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=40).map(lambda name: name.replace(b"\0", b"").replace(b"/", b"")),
        )
    )
)
def test_every_event_of_a_read_is_parsed(events: list[tuple[int, int, bytes]]) -> None:
    data = b""
    for watch, mask, name in events:
        padded = name + bytes(16 - len(name) % 16) if name else b""
        data += struct.pack("iIII", watch, mask, 0, len(padded)) + padded
    assert parse(data) == [Change(watch, mask, os.fsdecode(name)) for watch, mask, name in events]
