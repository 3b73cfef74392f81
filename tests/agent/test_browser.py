"""Where the daemon serves a page for a browser, by its configuration."""

from __future__ import annotations

import http.client
import threading

import pytest

from agent.config import Config, MetricsConfig, ProbesConfig, WebConfig
from agent.daemon import Daemon


@pytest.mark.parametrize(
    ("listen", "page", "served"),
    [
        ("127.0.0.1:0", "loopback", True),
        ("127.0.0.1:0", "never", False),
        ("0.0.0.0:0", "loopback", False),
        ("0.0.0.0:0", "always", True),
    ],
)
def test_a_page_is_served_where_the_configuration_says_so(
    listen: str, page: str, served: bool
) -> None:
    daemon = Daemon(
        Config(
            metrics=MetricsConfig(listen=listen),
            web=WebConfig(page=page),  # type: ignore[arg-type]
            probes=ProbesConfig(enabled=False),
        )
    )
    server = daemon._server
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", daemon.address[1], timeout=30)
        connection.request("GET", "/")
        response = connection.getresponse()
        body = response.read()
        connection.close()
    finally:
        server.stop()
        thread.join()
        daemon._closing.close()
    assert response.status == 200
    assert body.startswith(b"<!doctype html>" if served else b"container-agent")
