"""Asking: what is sent, and what is said of every answer that is none."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.access import Access, BadAccess, read_access
from agent.fleet.prometheus import Prometheus, matchers
from agent.fleet.server import CannotAsk

VECTOR = b"""{"status": "success", "data": {"resultType": "vector", "result": [
    {"metric": {"__name__": "up", "instance": "a:1"}, "value": [1760000000.0, "1"]}]}}"""


class Asked(NamedTuple):
    path: str
    form: dict[str, list[str]]
    authorization: str


@contextmanager
def serving(
    status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()
) -> Iterator[tuple[str, list[Asked]]]:
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append(Asked(self.path, parse_qs(form), self.headers.get("Authorization", "")))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_vector_and_how_it_was_asked_for() -> None:
    with serving(200, VECTOR) as (url, asked):
        access = Access(authorization="Bearer t0ken")
        (series,) = Prometheus(url + "/", access).query("up", 1760000000.0)
    assert series == ({"__name__": "up", "instance": "a:1"}, 1.0)
    assert asked == [
        ("/api/v1/query", {"query": ["up"], "time": ["1760000000.000"]}, "Bearer t0ken")
    ]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"no", "answers 401: give credentials with --http-config FILE"),
        (403, b"no", "answers 403: give credentials"),
        (
            400,
            b'{"status":"error","error":"parse error: x"}',
            "answers 400: parse error: x",
        ),
        (503, b"busy\n", "answers 503: 'busy'"),
        (302, b"", "answers 302: it is elsewhere"),
        (200, b"<html>a login page", "is no Prometheus: it answered '<html>a login page'"),
        (200, b'{"data": {"resultType": "scalar"}}', "answered a scalar, not a vector"),
        (200, b"[]", "is no Prometheus"),
    ],
)
def test_what_is_no_answer_is_said(status: int, body: bytes, said: str) -> None:
    # A redirect's target would get the credentials: it is not followed.
    with (
        serving(status, body, (("Location", "http://127.0.0.1:1/"),)) as (url, _),
        pytest.raises(CannotAsk, match=re.escape(said)) as caught,
    ):
        Prometheus(url).query("up", 0.0)
    assert str(caught.value).startswith(url)


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(CannotAsk, match=r"http://127\.0\.0\.1:1: .*refused"):
        Prometheus("http://127.0.0.1:1").query("up", 0.0)


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://a", "", "file:///etc/passwd"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be http"):
        Prometheus(url)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="--http-config") as caught:
        Prometheus("http://jo:s3cret@a:9090")
    assert "s3cret" not in str(caught.value)


@given(st.text(max_size=30), st.text(max_size=30))
def test_matchers_hold_any_text_in_one_literal(one: str, other: str) -> None:
    literal = re.compile(r'a="((?:[^"\\\n]|\\.)*)",b=~"((?:[^"\\\n]|\\.)*)"')
    match = literal.fullmatch(matchers({"a": one, "b": [other]}))
    assert match is not None
    assert _unquoted(match[1]) == one


def _unquoted(text: str) -> str:
    named = {"n": "\n"}

    def back(found: re.Match[str]) -> str:
        return named.get(found[1], found[1])

    return re.sub(r"\\(.)", back, text, flags=re.DOTALL)


def test_of_several_one_must_be_equal() -> None:
    assert matchers({"node": ["a.b", "c"]}) == r'node=~"a\\.b|c"'


def config(tmp_path: Path, text: str) -> str:
    path = tmp_path / "http.yml"
    path.write_text(text)
    return str(path)


def test_credentials_come_from_files_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "token").write_text("t0ken\n")
    basic = read_access(config(tmp_path, "basic_auth: {username: jo, password_file: password}"))
    assert basic.headers() == {"Authorization": "Basic am86czNjcmV0"}
    assert "am86" not in repr(basic)
    bearer = read_access(config(tmp_path, "authorization: {credentials_file: token}"))
    assert bearer.headers() == {"Authorization": "Bearer t0ken"}
    tls = read_access(config(tmp_path, "tls_config: {ca_file: ca.pem, insecure_skip_verify: true}"))
    assert (tls.ca_file, tls.verify) == (str(tmp_path / "ca.pem"), False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no YAML"),
        ("- a", "must have basic_auth"),
        ("basic_auth: {user: jo}", "basic_auth.user is not known here; known: password"),
        ("proxy_url: x", "proxy_url is not known here"),
        ("basic_auth: 3", "basic_auth must be a mapping"),
        ("basic_auth: {username: 3}", "username must be text"),
        ("basic_auth: {username: a}\nauthorization: {type: b}", "exclude each other"),
        ("authorization: {credentials_file: gone}", "credentials_file gone: No such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = config(tmp_path, text)
    with pytest.raises(BadAccess, match=re.escape(said)) as caught:
        read_access(path)
    assert str(caught.value).startswith(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadAccess, match="No such file"):
        read_access(str(tmp_path / "gone.yml"))
