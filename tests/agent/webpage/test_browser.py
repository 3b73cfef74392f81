"""The page in a real browser and from the real server: live, clicked, filtered, without script."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.model import Snapshot
from agent.server import MetricsServer
from agent.webpage.site import Site
from tests.agent.snapshots import WALL
from tests.agent.test_server import FakePages
from tests.agent.webpage.test_site import snapshots
from tests.agent.webpage.test_timeline import ring, web
from tests.webdriver import CHROMIUM, DRIVER, Browser, browsing

pytestmark = [
    pytest.mark.skipif(not (DRIVER and CHROMIUM), reason="no chromium and chromedriver here"),
    pytest.mark.timeout(120),
]

ROWS = "[...document.querySelectorAll('tbody th')].map((each) => each.innerText)"


class Host:
    """One that lives: each look shows a second more of it."""

    def __init__(self, taken: Sequence[Snapshot] = ()) -> None:
        self._taken = list(taken) or snapshots()
        self._shown = 3

    def fresh(self) -> Snapshot:
        self._shown = min(self._shown + 1, len(self._taken))
        return self._taken[self._shown - 1]

    def window(self) -> list[Snapshot]:
        return self._taken[: self._shown]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@contextmanager
def serving(history: str = "", taken: Sequence[Snapshot] = ()) -> Iterator[str]:
    host = Host(taken)
    site = Site("node-07", host.fresh, host.window, local=True, history=history)
    server = MetricsServer(("127.0.0.1", 0), FakePages(), sites={"/": site})
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.address[1]}/"
    finally:
        server.stop()
        thread.join()


def test_it_shows_the_worst_first_and_keeps_itself_fresh(browser: Browser, tmp_path: Path) -> None:
    with serving() as url:
        browser.open(url)
        rows = browser.run(f"return {ROWS}")
        assert isinstance(rows, list)
        assert rows[0] == "api"
        assert "throttled 60% of periods" in browser.text("tbody tr")
        browser.run("window.first = document.querySelector('tbody')")
        # It has asked by itself, and what came is in the page's place.
        browser.wait("return document.querySelector('tbody') !== window.first")
        browser.screenshot(tmp_path / "table.png")
        assert browser.log() == []


def test_a_click_opens_a_container_and_back_returns(browser: Browser) -> None:
    with serving() as url:
        browser.open(url)
        browser.click("tbody a")
        browser.wait("return document.querySelector('h2')?.innerText === 'api'")
        text = browser.text("main")
        assert "cpu_throttled" in text
        assert "raise or drop the CPU limit" in text
        assert "Memory" in text
        browser.run("history.back()")
        browser.wait(f"return {ROWS}.length === 3")
        assert browser.log() == []


def test_a_click_chooses_how_far_back_the_charts_reach(browser: Browser, tmp_path: Path) -> None:
    now = time.time() - WALL
    ring(tmp_path, [web(now - 1800 + seconds) for seconds in range(0, 1800, 10)])
    with serving(str(tmp_path), [web(now - 2), web(now - 1), web(now)]) as url:
        browser.open(url)
        browser.click("tbody a")
        chosen = "return document.querySelector('nav [aria-current]')?.innerText"
        browser.wait(f"{chosen} === '1h'")
        points = "JSON.parse(document.querySelector('figure').dataset.points)[0][1]"
        # Half an hour of the hour is there, and the axis is the whole of it.
        assert browser.run(f"const all = {points}; return all[all.length - 1] - all[0]") == 3600
        browser.click("nav a[href*='range=1m']")
        browser.wait(f"{chosen} === '1m'")
        assert browser.run(f"return {points}.length") == 2
        assert browser.log() == []


def test_a_heading_sorts_and_typing_filters_without_losing_what_is_typed(browser: Browser) -> None:
    with serving() as url:
        browser.open(url)
        browser.click("thead a[href*='sort=name']")
        browser.wait(f"return {ROWS}[2] === 'web'")
        browser.type("#filter input[type=search]", "we")
        browser.wait(f"return {ROWS}.join() === 'web'")
        browser.type("#filter input[type=search]", "b")
        assert browser.run("return document.querySelector('input[type=search]').value") == "web"
        assert "filter=web" in str(
            browser.wait("return location.search.includes('web') && location.search")
        )
        assert browser.log() == []


def test_an_agent_that_is_gone_is_said(browser: Browser) -> None:
    with serving() as url:
        browser.open(url)
    browser.wait("return document.getElementById('state').innerText.includes('does not answer')")
    assert "api" in browser.text("tbody")


def test_without_a_script_it_is_a_plain_table_with_links(tmp_path: Path) -> None:
    prefs = tmp_path / "Default"
    prefs.mkdir()
    # As a person would switch it off: chrome://settings/content/javascript.
    (prefs / "Preferences").write_text(
        '{"profile": {"default_content_setting_values": {"javascript": 2}}}'
    )
    with serving() as url, browsing(tmp_path) as plain:
        plain.open(url)
        plain.reads("tbody tr", "throttled 60% of periods")
        plain.click("tbody a")
        plain.reads("main", "raise or drop the CPU limit")
        plain.click(".back a")
        plain.type("#filter input[type=search]", "web")
        plain.click("#filter button")
        plain.reads("main", "1 of 3 shown")
