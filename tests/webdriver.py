"""A headless Chromium through its driver's W3C WebDriver protocol: what a person sees and does.

https://www.w3.org/TR/webdriver2/
"""

from __future__ import annotations

import base64
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson

DRIVER: Final = shutil.which("chromedriver")
CHROMIUM: Final = shutil.which("chromium")
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
_PATIENCE: Final = 30.0
_PASSING: Final = ("no such element", "stale element reference")
"""Errors that may be those of a page that is being left."""

Json = dict[str, "Json"] | list["Json"] | str | float | bool | None


class Refused(Exception):
    """The driver could not do it. `error`: its code, of the protocol's table."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}")
        self.error = error


class Browser:
    """One window."""

    def __init__(self, driver: str, session: str) -> None:
        self._url = f"{driver}/session/{session}"

    def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        self._ask("url", {"url": url})

    def run(self, script: str) -> Json:
        """What a function body returns in the page."""
        return self._ask("execute/sync", {"script": script, "args": []})

    def wait(self, script: str) -> Json:
        """Until a function body returns something true: that."""
        end = time.monotonic() + _PATIENCE
        while not (found := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}\n{self.run(_TEXT)}"
            time.sleep(0.05)
        return found

    def click(self, selector: str) -> None:
        """Click on the middle of an element."""
        self._of(selector, "click", {})

    def type(self, selector: str, text: str) -> None:
        """Type into an element."""
        self._of(selector, "value", {"text": text})

    def text(self, selector: str = "body") -> str:
        """What a person reads there."""
        return str(self._of(selector, "text"))

    def reads(self, selector: str, text: str) -> None:
        """Until a person reads `text` there, which may be on the page that comes next."""
        end = time.monotonic() + _PATIENCE
        while text not in (found := self.text(selector)):
            assert time.monotonic() < end, f"never read: {text}\n{found}"
            time.sleep(0.05)

    def screenshot(self, path: Path) -> None:
        """As a PNG."""
        path.write_bytes(base64.b64decode(str(self._ask("screenshot"))))

    def log(self) -> list[str]:
        """What the browser complained of since the last call."""
        entries = cast(list[dict[str, str]], self._ask("se/log", {"type": "browser"}))
        return [entry["message"] for entry in entries]

    def close(self) -> None:
        """End the session."""
        _send("DELETE", self._url)

    def _of(self, selector: str, command: str, body: Json = None) -> Json:
        """Ask of an element, again where the page it is on comes or goes just now."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                found = self._ask("element", {"using": "css selector", "value": selector})
                element = cast(dict[str, str], found)[_ELEMENT]
                return self._ask(f"element/{element}/{command}", body)
            except Refused as refused:
                if refused.error not in _PASSING or time.monotonic() >= end:
                    raise
            time.sleep(0.05)

    def _ask(self, command: str, body: Json = None) -> Json:
        return _send("GET" if body is None else "POST", f"{self._url}/{command}", body)


_TEXT: Final = "return document.body.innerText"


@contextmanager
def browsing(profile: Path, *arguments: str) -> Iterator[Browser]:
    """A browser of one's own; both it and its driver are ended."""
    assert DRIVER is not None
    driver = subprocess.Popen(
        [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = f"http://127.0.0.1:{_port(driver)}"
        options: Json = {
            "args": [
                "--headless=new",
                "--no-sandbox",  # as root, in a test of our own page
                "--disable-gpu",
                f"--user-data-dir={profile}",
                *arguments,
            ]
        }
        wanted: Json = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = _send("POST", f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})
        browser = Browser(address, str(cast(dict[str, str], made)["sessionId"]))
        try:
            yield browser
        finally:
            browser.close()
    finally:
        driver.send_signal(signal.SIGTERM)
        driver.wait(10)
        assert driver.stdout is not None
        driver.stdout.close()


def _port(driver: subprocess.Popen[str]) -> int:
    assert driver.stdout is not None
    for line in driver.stdout:
        if match := re.search(r"started successfully on port (\d+)", line):
            return int(match[1])
    raise AssertionError("chromedriver ended at once")


def _send(method: str, url: str, body: Json = None) -> Json:
    data = None if body is None else orjson.dumps(body)
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=60) as answer:
            return cast(Json, orjson.loads(answer.read())["value"])
    except HTTPError as answer:
        with answer:
            value = orjson.loads(answer.read())["value"]
        raise Refused(value["error"], value["message"]) from None
