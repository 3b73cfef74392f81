"""agent.server: what each path answers, over real sockets."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.server import MetricsServer, http_date, respond


class FakePages:
    def __init__(self, reason: str | None = None, lacks: tuple[str, ...] = ()) -> None:
        self.reason = reason
        self.lacks = lacks

    def metrics(self, accept: str) -> tuple[str, Iterator[bytes]]:
        kind = "text/plain; version=0.0.4; charset=utf-8" if accept != "openmetrics" else "other"
        return kind, iter((b"a 1\n", b"b 2\n"))

    def not_ready(self) -> str | None:
        return self.reason

    def lacking(self) -> tuple[str, ...]:
        return self.lacks


class BrokenPages(FakePages):
    def metrics(self, accept: str) -> tuple[str, Iterator[bytes]]:
        raise RuntimeError("cannot read")


@contextmanager
def serving(pages: FakePages) -> Iterator[http.client.HTTPConnection]:
    server = MetricsServer(("127.0.0.1", 0), pages)
    thread = threading.Thread(target=server.serve)
    thread.start()
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        yield connection
    finally:
        connection.close()
        server.stop()
        thread.join()


def get(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response, response.read()


def test_the_page_is_served_under_both_paths() -> None:
    with serving(FakePages()) as connection:
        for path in ("/metrics", "/metrics/cadvisor", "/metrics?collect=all"):
            response, body = get(connection, path)
            assert response.status == 200
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert body == b"a 1\nb 2\n"


def test_a_client_that_takes_gzip_gets_it() -> None:
    with serving(FakePages()) as connection:
        response, body = get(connection, "/metrics", **{"Accept-Encoding": "gzip"})
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == b"a 1\nb 2\n"


def test_the_accept_header_reaches_the_page_and_caches_are_told() -> None:
    with serving(FakePages()) as connection:
        response, _ = get(connection, "/metrics", Accept="openmetrics")
        assert response.headers["Content-Type"] == "other"
        assert response.headers["Vary"] == "Accept, Accept-Encoding"


def test_readiness_says_why_not() -> None:
    with serving(FakePages("not read yet")) as connection:
        response, body = get(connection, "/readyz")
        assert (response.status, body) == (503, b"not read yet\n")
        response, body = get(connection, "/healthz")
        assert (response.status, body) == (200, b"ok\n")
    with serving(FakePages()) as connection:
        assert get(connection, "/readyz")[0].status == 200


def test_who_asks_verbosely_hears_what_does_not_work_and_nobody_restarts_for_it() -> None:
    with serving(FakePages(lacks=("probe tcp is stopped", "no history is kept"))) as connection:
        response, body = get(connection, "/readyz?verbose")
        assert (response.status, body) == (
            200,
            b"degraded\nprobe tcp is stopped\nno history is kept\n",
        )
        assert get(connection, "/readyz")[1] == b"ok\n"
    with serving(FakePages()) as connection:
        assert get(connection, "/readyz?verbose")[1] == b"ok\n"


def test_an_unknown_path_is_404_and_a_post_is_405() -> None:
    with serving(FakePages()) as connection:
        assert get(connection, "/nothing")[0].status == 404
        assert get(connection, "/metrics", method="POST")[0].status == 405


def test_a_head_request_has_no_body() -> None:
    with serving(FakePages()) as connection:
        response, body = get(connection, "/metrics", method="HEAD")
        assert (response.status, body) == (200, b"")


def test_a_page_that_cannot_be_made_is_500_and_the_server_lives(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(BrokenPages()) as connection:
        assert get(connection, "/metrics")[0].status == 500
        connection.close()
        assert get(connection, "/healthz")[0].status == 200
    assert "cannot read" in capfd.readouterr().err


@given(st.text(), st.text())
def test_every_request_has_an_answer(method: str, path: str) -> None:
    assert respond(method, path, FakePages()).status[:3] in {"200", "404", "405"}


@given(st.integers(0, 250_000_000_000))
def test_dates_are_written_as_the_mail_parser_writes_them(moment: int) -> None:
    assert http_date(moment) == email.utils.formatdate(moment, usegmt=True)


def test_an_answer_has_a_date() -> None:
    with serving(FakePages()) as connection:
        response, _ = get(connection, "/healthz")
        said = email.utils.parsedate_to_datetime(response.headers["Date"]).timestamp()
    assert abs(said - time.time()) < 60
