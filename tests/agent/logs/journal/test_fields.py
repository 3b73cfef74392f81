"""A journal entry's fields: whose it is, and what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.journal.fields import entry_of, owner_of, sequence_of
from agent.logs.timestamps import END
from tests.agent.logs.journal.journal_files import CONTAINER, Fields, docker_entry

NOW_US = 1_790_000_000_123_456


def reader(fields: Fields):  # type: ignore[no-untyped-def]
    def field(name: str) -> bytes | None:
        value = fields.get(name)
        return value.encode() if isinstance(value, str) else value

    return field


def test_dockers_line_is_its_containers() -> None:
    owner = owner_of(reader(docker_entry(CONTAINER, "hello")), ())
    assert owner is not None
    assert (owner.key, owner.container.runtime, owner.container.name) == (
        CONTAINER,
        "docker",
        "web",
    )
    assert owner.container.image == "shop/web:1"


def test_podmans_line_is_told_by_conmon() -> None:
    fields = {"CONTAINER_ID_FULL": CONTAINER, "CONTAINER_NAME": "db", "_COMM": "conmon"}
    owner = owner_of(reader(fields), ())
    assert owner is not None
    assert owner.container.runtime == "podman"


@pytest.mark.parametrize(
    ("message", "partial", "line"),
    [
        ("out 0\n", "", b"out 0"),
        ("\n", "", b""),
        ("\n\n", "", b"\n"),
        ("xxx", "true", b"xxx"),
        ("xx\n", "true", b"xx\n"),
    ],
)
def test_conmons_newline_ends_a_line_and_is_not_part_of_it(
    message: str, partial: str, line: bytes
) -> None:
    """As conmon 2.1.12 writes it; dockerd writes none."""
    fields = {"MESSAGE": message, "CONTAINER_PARTIAL_MESSAGE": partial, "PRIORITY": "6"}
    assert entry_of(reader({**fields, "_COMM": "conmon"}), 0)[2] == line
    assert entry_of(reader({**fields, "_COMM": "dockerd"}), 0)[2] == message.encode()


def test_podmans_events_are_no_lines() -> None:
    fields = {"CONTAINER_ID_FULL": CONTAINER, "PODMAN_EVENT": "start", "_COMM": "podman"}
    assert owner_of(reader(fields), ()) is None


def test_a_users_entry_is_never_taken_for_that_of_roots_container() -> None:
    forged = docker_entry(CONTAINER, "lie", _UID="1000")
    owner = owner_of(reader(forged), ())
    assert owner is not None
    assert owner.key == f"1000/{CONTAINER}"
    assert owner.uid == 1000


def test_units_are_read_only_where_asked_for() -> None:
    fields = {"_SYSTEMD_UNIT": "nginx.service", "MESSAGE": "up"}
    assert owner_of(reader(fields), ()) is None
    assert owner_of(reader(fields), ("ssh*.service",)) is None
    owner = owner_of(reader(fields), ("nginx.*",))
    assert owner is not None
    assert (owner.container.runtime, owner.container.name) == ("systemd", "nginx.service")


def test_priority_is_the_stream() -> None:
    streams = {
        priority: entry_of(reader({"MESSAGE": "x", "PRIORITY": priority}), NOW_US)[1]
        for priority in ("3", "6", "0", "4", "", "x")
    }
    assert streams == {
        "3": "stderr",
        "6": "stdout",
        "0": "stderr",
        "4": "stdout",
        "": "stdout",
        "x": "stdout",
    }


def test_the_writers_time_counts_before_journalds() -> None:
    docker = {"SYSLOG_TIMESTAMP": "2026-11-24T03:16:16.105173157Z", "MESSAGE": "x"}
    assert entry_of(reader(docker), NOW_US)[0] == 1_795_490_176_105_173_157
    sent = {"_SOURCE_REALTIME_TIMESTAMP": "1790000000000001", "MESSAGE": "x"}
    assert entry_of(reader(sent), NOW_US)[0] == 1_790_000_000_000_001_000
    assert entry_of(reader({"MESSAGE": "x"}), NOW_US)[0] == NOW_US * 1000


def test_a_time_that_cannot_be_said_gives_way_to_journalds() -> None:
    sent = {"_SOURCE_REALTIME_TIMESTAMP": "5497190176105172", "MESSAGE": "x"}  # in the year 2144
    assert entry_of(reader(sent), NOW_US)[0] == NOW_US * 1000
    assert entry_of(reader(sent), 1 << 63)[0] == END - 1


@pytest.mark.usefixtures("short_pieces")
def test_a_piece_says_so() -> None:
    fields = docker_entry(CONTAINER, "begin", CONTAINER_PARTIAL_MESSAGE="true")
    assert entry_of(reader(fields), NOW_US)[4]


def test_a_cursor_holds_the_entrys_number() -> None:
    cursor = "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c;m=4fc;t=4d0;x=ff"
    assert sequence_of(cursor) == ("739ad463348b4ceca5a9e69c95a3c93f", 0x4ECE7)
    assert sequence_of("i=12;s=1") is None


NAMES = st.sampled_from(
    [
        *("MESSAGE", "PRIORITY", "CONTAINER_ID_FULL", "CONTAINER_NAME", "IMAGE_NAME", "_UID"),
        *("_COMM", "SYSLOG_IDENTIFIER", "SYSLOG_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP"),
        *("CONTAINER_PARTIAL_MESSAGE", "PODMAN_EVENT", "_SYSTEMD_UNIT"),
    ]
)


@given(st.dictionaries(NAMES, st.binary(max_size=80) | st.just(CONTAINER.encode())))
def test_any_bytes_make_an_entry(fields: dict[str, bytes]) -> None:
    field = reader(fields)
    owner_of(field, ("*",))
    time_ns, stream, content, _extra, _partial = entry_of(field, NOW_US)
    assert 0 <= time_ns < END
    assert stream in ("stdout", "stderr")
    assert content == fields.get("MESSAGE", b"")


@given(st.text(max_size=80))
def test_any_text_may_stand_for_a_cursor(text: str) -> None:
    sequence_of(text)
