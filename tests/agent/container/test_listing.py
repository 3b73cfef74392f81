from __future__ import annotations

import os
from pathlib import Path

from agent.container.listing import Listings


def _listings(read_at: int) -> Listings:
    return Listings(now_ns=lambda: read_at)


def test_an_unchanged_directory_gives_the_same_tuple(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    (tmp_path / "a").touch()
    listings = _listings(os.stat(tmp_path).st_mtime_ns + 10**9)
    first = listings.names(str(tmp_path))
    assert first == ("a", "b")
    assert listings.names(str(tmp_path)) is first


def test_a_new_name_is_seen(tmp_path: Path) -> None:
    listings = _listings(os.stat(tmp_path).st_mtime_ns + 10**9)
    assert listings.names(str(tmp_path)) == ()
    (tmp_path / "a").touch()
    os.utime(tmp_path, ns=(1, 2))
    assert listings.names(str(tmp_path)) == ("a",)


def test_a_name_made_in_the_same_tick_as_the_last_listing_is_seen(tmp_path: Path) -> None:
    mtime = os.stat(tmp_path).st_mtime_ns
    listings = _listings(mtime)
    assert listings.names(str(tmp_path)) == ()
    (tmp_path / "a").touch()
    os.utime(tmp_path, ns=(mtime, mtime))
    assert listings.names(str(tmp_path)) == ("a",)


def test_an_absent_directory_is_empty_and_seen_when_it_comes(tmp_path: Path) -> None:
    listings = _listings(0)
    path = tmp_path / "later"
    assert listings.names(str(path)) == ()
    path.mkdir()
    (path / "x").touch()
    assert listings.names(str(path)) == ("x",)


def test_a_file_in_place_of_the_directory_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert _listings(0).names(str(tmp_path / "file")) == ()
