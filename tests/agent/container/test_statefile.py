from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.container import statefile
from agent.container.failures import LIMIT, Failures
from agent.container.statefile import UnreadableState


def test_an_absent_file_is_none(tmp_path: Path) -> None:
    assert statefile.read_json(f"{tmp_path}/no/such") is None
    assert statefile.signature(f"{tmp_path}/no") is None


def test_a_path_through_a_file_is_absent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert statefile.read_bytes(f"{tmp_path}/file/config.json") is None


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(UnreadableState, match="not a regular file"):
        statefile.read_bytes(f"{tmp_path}/config.json")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableState, match="not a regular file"):
        statefile.read_bytes(str(tmp_path))


def test_a_path_with_a_nul_is_refused() -> None:
    with pytest.raises(UnreadableState, match="not a path"):
        statefile.read_bytes("/tmp/a\0b")
    with pytest.raises(UnreadableState, match="not a path"):
        statefile.signature("/tmp/a\0b")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(statefile.MAX_BYTES + 1)
    with pytest.raises(UnreadableState, match="more than"):
        statefile.read_bytes(str(path))


def test_bad_json_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a":')
    with pytest.raises(UnreadableState) as caught:
        statefile.read_object(str(path))
    assert str(caught.value).startswith(f"{path}: not JSON")


def test_json_that_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(UnreadableState, match="not JSON"):
        statefile.parse_json(b"[" * 100_000, "/f")


def test_json_that_is_no_object_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("[]")
    with pytest.raises(UnreadableState, match=r"config\.json: a JSON object is expected, not list"):
        statefile.read_object(str(path))


def test_a_value_of_another_type_counts_as_not_there() -> None:
    of: statefile.Json = {"t": 1, "n": True, "c": [], "l": {"a": "x", "b": 2}}
    assert statefile.text(of, "t") == ""
    assert statefile.number(of, "n") is None
    assert statefile.child(of, "c") == {}
    assert statefile.texts(of, "l") == {"a": "x"}


def test_a_replaced_file_has_another_signature(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    before = statefile.signature(str(path))
    os.utime(path, ns=(1, 1))
    assert before != statefile.signature(str(path))


def test_failures_are_bounded_and_taken_back() -> None:
    failures = Failures()
    for number in range(LIMIT + 10):
        failures.add(str(number), UnreadableState(f"/f{number}", "bad"))
    assert len(failures.messages()) == LIMIT
    failures.clear("0")
    assert "/f0: bad" not in failures.messages()


def test_a_look_may_fail_in_several_ways() -> None:
    failures = Failures()
    for number in (1, 2, 1):
        failures.add("a", UnreadableState(f"/f{number}", "bad"))
    assert failures.messages() == ("/f1: bad", "/f2: bad")
    failures.clear("a")
    assert failures.messages() == ()


def test_the_same_failure_of_two_containers_is_said_once() -> None:
    failures = Failures()
    for subject in ("a", "b"):
        failures.add(subject, PermissionError(13, "Permission denied", "/var/lib/docker"))
    assert failures.messages() == ("/var/lib/docker: Permission denied",)
