"""exporters/fluentd/servers.py"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from agent.log_destinations import ForwardServer
from exporters.fluentd.servers import Server, Servers


def servers(*configs: ForwardServer, seed: int = 7) -> Servers:
    return Servers(configs, "tag", random.Random(seed).random)


def test_connections_are_shared_out_by_weight() -> None:
    both = servers(ForwardServer("a", weight=1), ForwardServer("b", weight=3))
    first = Counter(both.due(0.0)[0].config.host for _ in range(4000))
    assert 0.72 < first["b"] / 4000 < 0.78


def test_a_standby_comes_last_whatever_its_weight() -> None:
    both = servers(ForwardServer("s", weight=1000, standby=True), ForwardServer("a"))
    assert all([s.config.host for s in both.due(0.0)] == ["a", "s"] for _ in range(100))


def test_one_that_failed_is_left_out_until_its_back_off_is_over() -> None:
    both = servers(ForwardServer("a"), ForwardServer("b"))
    wait = both.all[0].backoff.fail(100.0, "dead")
    assert [server.config.host for server in both.due(100.0)] == ["b"]
    assert len(both.due(100.0 + wait)) == 2
    assert both.first_due(100.0) == (0.0, "")
    other = both.all[1].backoff.fail(100.0, "dead too", at_least=5)
    assert other == 5
    left, reason = both.first_due(100.0)
    assert left == pytest.approx(wait)
    assert reason == "dead"


def test_only_a_standby_left_is_no_place_to_return_to() -> None:
    only = servers(ForwardServer("s", standby=True))
    assert only.first_due(0.0, standby=False)[0] == float("inf")


def test_a_place_is_written_as_a_person_would() -> None:
    places = [
        Server(ForwardServer(host, 1), "tag", random.random).place
        for host in ("a.example", "::1", "unix:///run/fluent.sock")
    ]
    assert places == ["a.example:1", "[::1]:1", "unix:///run/fluent.sock"]
