"""The real agent as a process: `agent run` on a free port, and what it serves."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.host.daemon import PATIENCE, wait_until

Labels = dict[str, str]


class Page:
    """One metrics page, read by prometheus_client's parser."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._series: dict[str, list[tuple[Labels, float]]] = {}
        for family in text_string_to_metric_families(text):
            for found in family.samples:
                self._series.setdefault(found.name, []).append((found.labels, found.value))

    def series(self, metric: str, **labels: str) -> list[tuple[Labels, float]]:
        """Every series of `metric` with these labels."""
        return [
            (found, value)
            for found, value in self._series.get(metric, ())
            if labels.items() <= found.items()
        ]

    def value(self, metric: str, **labels: str) -> float:
        """The value of the one series of `metric` with these labels."""
        found = self.series(metric, **labels)
        assert len(found) == 1, f"{metric}{labels}: {found}"
        return found[0][1]

    def labels(self, metric: str, **labels: str) -> Labels:
        """All labels of the one series of `metric` with these labels."""
        found = self.series(metric, **labels)
        assert len(found) == 1, f"{metric}{labels}: {found}"
        return found[0][0]


def command(*arguments: str, python: str = sys.executable) -> list[str]:
    """The agent's command line with these arguments."""
    return [python, "-m", "agent", *arguments]


def page_once(*settings: str) -> Page:
    """What `agent metrics` prints."""
    done = subprocess.run(
        command("metrics", *_set(settings)), capture_output=True, timeout=60 * PATIENCE, check=True
    )
    return Page(done.stdout.decode())


class RunningAgent:
    """One `agent run`."""

    def __init__(
        self, directory: Path, settings: Sequence[str], python: str = sys.executable
    ) -> None:
        self.messages = directory / "agent.log"
        own = ("metrics.listen=127.0.0.1:0", f"history.directory={directory}/history")
        with self.messages.open("wb") as stderr:
            self.process = subprocess.Popen(
                command("run", *_set((*own, *settings)), python=python), stderr=stderr
            )
        wait_until(self._listens, 30, f"agent run: {self.messages}")
        self.address = self.messages.read_text().partition("http://")[2].partition("/")[0]

    def page(self) -> Page:
        """Scrape it."""
        with urllib.request.urlopen(
            f"http://{self.address}/metrics", timeout=30 * PATIENCE
        ) as response:
            return Page(response.read().decode())

    def stop(self) -> int:
        """SIGTERM; return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60 * PATIENCE)

    def _listens(self) -> bool:
        said = self.messages.read_text()
        assert self.process.poll() is None, said
        return "/metrics" in said.partition("metrics at http://")[2]


@contextmanager
def agent_run(
    directory: Path, *settings: str, python: str = sys.executable
) -> Iterator[RunningAgent]:
    """Run the agent for as long as this lasts, its files in `directory`."""
    agent = RunningAgent(
        directory,
        (
            f"logs.state={directory / 'state'}",
            f"logs.destination=[{{type = 'file', path = '{directory / 'logs.jsonl'}'}}]",
            *settings,
        ),
        python,
    )
    try:
        yield agent
    finally:
        agent.stop()


def _set(settings: Sequence[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]
