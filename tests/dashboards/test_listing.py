"""Queries as Prometheus gets them."""

from __future__ import annotations

import pytest

from dashboards.listing import expressions, fill, load, queries

DOCKER = {"instance": ".*", "namespace": ".*", "pod": "", "container": "", "name": "web"}


def test_every_variable_is_filled_in() -> None:
    for title, expr in queries("container", DOCKER):
        assert "$" not in expr, title
        assert 'name=~"web"' in expr or "machine" in expr, title


def test_every_query_is_listed_once_under_a_title_of_its_own() -> None:
    listed = queries("container", DOCKER)
    assert len({title for title, _ in listed}) == len(listed)
    assert len(listed) == len(list(expressions(load("container"))))
    assert "CPU: Throttled time [A]" in dict(listed)
    assert "Annotation: Starts" in dict(listed)


def test_a_variable_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="name"):
        queries("container", {key: "" for key in DOCKER if key != "name"})


def test_grafanas_own_windows_can_be_set_by_the_caller() -> None:
    expr = "rate(a[$__rate_interval]) + increase(b[${__range}])"
    assert fill(expr, {"__rate_interval": "10s", "__range": "1m"}) == (
        "rate(a[10s]) + increase(b[1m])"
    )
    assert (
        "[10s]"
        in dict(queries("container", {**DOCKER, "__rate_interval": "10s"}))[
            "CPU: Throttled time [A]"
        ]
    )
