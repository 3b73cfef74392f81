"""The page as one file: style and script in it, nothing fetched from anywhere.

Its Content-Security-Policy names the one style and the one script by their hashes, so that markup
which a container's name might smuggle in would not run even if it were not escaped.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from html import escape
from importlib.resources import files

from agent.records import dataclass


@functools.cache
def _asset(name: str) -> str:
    return (files("agent.webpage") / name).read_text(encoding="utf-8")


@functools.cache
def policy() -> str:
    """The value of the header Content-Security-Policy."""
    style, script = (
        "'sha256-" + base64.b64encode(hashlib.sha256(_asset(name).encode()).digest()).decode() + "'"
        for name in ("page.css", "page.js")
    )
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What the page is made of, as markup."""

    head: str
    find: str
    """The filter; "" where one container is looked at. What a person types there must stay."""
    live: str

    def markup(self) -> str:
        """What changes: the script replaces each part in its place."""
        return (
            f'<div id="head">{self.head}</div><div id="find">{self.find}</div>'
            f'<main id="live">{self.live}</main>'
        )


def page(hostname: str, parts: Parts) -> bytes:
    """The whole document."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(hostname)} · agent</title><style>{_asset('page.css')}</style></head><body>"
        f'{parts.markup()}<p id="state" role="status"></p>'
        f"<script>{_asset('page.js')}</script></body></html>"
    ).encode()
