"""A view and its URL."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.webpage.request import View, parse_view

VIEWS = st.builds(
    View,
    sort=st.sampled_from(["trouble", "cpu", "memory"]),
    reverse=st.booleans(),
    filter=st.text(max_size=50),
    everything=st.booleans(),
    container=st.none() | st.integers(0, 2**63),
)


@given(VIEWS)
def test_a_view_survives_its_url(view: View) -> None:
    assert parse_view(view.link().partition("?")[2]) == view


@given(st.text())
def test_no_query_breaks_it(query: str) -> None:
    parse_view(query)


def test_a_link_changes_one_thing_and_never_asks_for_a_part() -> None:
    view = View(filter="web", part=True)
    assert view.link(sort="cpu") == "/?sort=cpu&filter=web"
    assert view.link(container=7) == "/?filter=web&container=7"
    assert View().link() == "/"
