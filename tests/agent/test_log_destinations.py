"""agent/log_destinations.py: what a destination's section may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import LogsConfig
from agent.log_destinations import (
    DESTINATIONS,
    ElasticsearchDestination,
    FluentdDestination,
    ForwardServer,
    GraylogDestination,
    LokiDestination,
    OtlpDestination,
    check_url,
)


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_each_kind_works_without_a_setting_and_says_what_it_is(kind: str) -> None:
    destination = DESTINATIONS[kind]()
    assert destination.type == kind
    assert destination.name.startswith(f"{kind} ")


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("fluentd", {"port": 0}, "port = 0: must be 1 to 65535"),
        ("fluentd", {"weight": 0}, "weight = 0"),
        ("fluentd", {"username": "u", "password_file": "/p"}, "needs shared_key_file"),
        ("fluentd", {"username": "u", "shared_key_file": "/k"}, "username and password_file need"),
        ("fluentd", {"ca_file": "/ca"}, "ca_file needs tls = true"),
        ("fluentd", {"tls": True, "cert_file": "/c"}, "cert_file and key_file need each other"),
        ("fluentd", {"server": (ForwardServer("127.0.0.1"),)}, "127.0.0.1:24224 is there twice"),
        ("elasticsearch", {"urls": ()}, "names no node"),
        ("elasticsearch", {"index": "logs-{pid}"}, "known are {date}, {week}, {month}"),
        ("elasticsearch", {"dead_letters": "here"}, "absolute path"),
        ("elasticsearch", {"api_key_file": "/k", "bearer_token_file": "/t"}, "either api_key_file"),
        ("graylog", {"url": "udp://host"}, "write udp://HOST:PORT"),
        ("graylog", {"url": "tcp://host:1", "headers": ("A: b",)}, "tcp has no headers"),
        ("graylog", {"datagram_bytes": 9000}, "512 to 8192"),
        ("loki", {"labels": ("a-b",)}, "'a-b': must be the name of a field"),
        ("loki", {"job": ""}, "a stream needs one label"),
        ("loki", {"tenant": "a\r\nX-Evil: 1"}, "one line"),
        ("otlp", {"url": "grpc://host:4317"}, "must be http://HOST or https://HOST"),
        ("otlp", {"url": "http://me:secret@host"}, "holds a user name"),
        ("otlp", {"headers": ("Authorization: Bearer x",)}, "there are the _file keys"),
        ("otlp", {"timeout": 0.0}, "at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    kind: str, settings: Mapping[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        DESTINATIONS[kind](**settings)
    assert "secret" not in str(caught.value)


def test_a_server_needs_a_host() -> None:
    with pytest.raises(ValueError, match="each needs a host"):
        FluentdDestination(server=(ForwardServer(),))


def test_the_first_server_is_the_destinations_own() -> None:
    destination = FluentdDestination(host="a", weight=2, server=(ForwardServer("b"),))
    assert destination.servers == (ForwardServer("a", weight=2), ForwardServer("b"))


def test_two_destinations_do_not_share_a_file_of_dead_letters() -> None:
    first = ElasticsearchDestination()
    second = ElasticsearchDestination(index="other")
    with pytest.raises(ValueError, match="set dead_letters"):
        LogsConfig(destination=(first, second))
    third = ElasticsearchDestination(index="other", dead_letters="")
    assert LogsConfig(destination=(first, third)).destination == (first, third)


def test_no_secret_is_in_a_name() -> None:
    for destination in (
        FluentdDestination(shared_key_file="/k", username="u", password_file="/p"),
        GraylogDestination(bearer_token_file="/t"),
        LokiDestination(headers=("X-Key: s3cret",), tenant="team"),
        OtlpDestination(url="https://otlp.example/v1/logs?key=s3cret"),
    ):
        assert not {"/k", "/p", "/t"} & set(destination.name.split())
        assert "s3cret" not in destination.name


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        check_url(text)
    except ValueError:
        return
    assert text.startswith(("http", "HTTP", "hT", "Ht")) or "://" in text
