"""log_panel: a container's log in place of the table."""

from __future__ import annotations

from agent.top.glyphs import UNICODE
from agent.top.log_panel import log_panel, parse_line


def test_why_there_is_no_log_is_told_line_by_line() -> None:
    said = "logs may not be read; try as root\n  /var/lib/docker: permission denied"
    panel = log_panel("web", [], said, "", UNICODE, stamps=False)
    assert [spans[0].text for spans in panel.lines] == [
        " logs may not be read; try as root",
        "   /var/lib/docker: permission denied",
    ]


def test_a_line_is_searched_and_shown_without_its_colours() -> None:
    lines = [
        parse_line("\x1b[2m2026-11-24T03:16:16.105Z \x1b[0m\x1b[31mred\x1b[0m"),
        parse_line("b"),
    ]
    assert (lines[0].stamp, lines[0].text, lines[0].is_error) == (
        "2026-11-24T03:16:16.105Z",
        "red",
        True,
    )
    panel = log_panel("web", lines, "", "RE", UNICODE, stamps=False)
    assert panel.title == "log of web   with 'RE': 1 of 2"
    assert [spans[0].text for spans in panel.lines] == [" red"]
