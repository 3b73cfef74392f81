"""A Prometheus that was scraped of pages we made: what it answers, from memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from prometheus_client.parser import text_string_to_metric_families

from agent.fleet.prometheus import Prometheus, Series
from agent.model import Snapshot
from exporters.prometheus.catalog import GROUPS, metrics_of
from exporters.prometheus.encoder import Encoder


class Scraped(Prometheus):
    """Each host's pages, one scrape a second from moment 0 on."""

    def __init__(self, pages: Mapping[str, Sequence[str]]) -> None:
        super().__init__("http://prometheus.example:9090")
        self.asked: list[str] = []
        self._series = {
            host: [_parse(host, page) for page in scrapes] for host, scrapes in pages.items()
        }

    def stop_scraping(self, host: str) -> None:
        """As if it were gone: its series are stale."""
        del self._series[host]

    def query(self, expression: str, at: float) -> list[Series]:
        self.asked.append(expression)
        only = re.search(r'instance="([^"]*)"', expression)
        scrapes = [
            scrapes[int(at)]
            for host, scrapes in self._series.items()
            if only is None or only[1] == host
        ]
        if expression.startswith("timestamp("):
            clock = "container_cpu_usage_seconds_total"
            return [
                Series({k: v for k, v in one.labels.items() if k != "__name__"}, float(int(at)))
                for scrape in scrapes
                for one in scrape
                if one.labels["__name__"] == clock
            ]
        names = re.search(r'__name__=~"([^"]*)"', expression)
        wanted = re.compile(names[1] if names else re.escape(expression.partition("{")[0]))
        return [
            one for scrape in scrapes for one in scrape if wanted.fullmatch(one.labels["__name__"])
        ]


def _parse(host: str, page: str) -> list[Series]:
    return [
        Series({"__name__": sample.name, "instance": host, **sample.labels}, sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]


def pages(snapshots: Sequence[Snapshot]) -> list[str]:
    """What this agent's page says of each, all groups on."""
    encoder = Encoder(metrics_of(GROUPS))
    return [b"".join(encoder.encode(snapshot)).decode() for snapshot in snapshots]
