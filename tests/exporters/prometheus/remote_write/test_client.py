"""What answers mean, and what a request looks like, over real sockets."""

from __future__ import annotations

import base64
import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import RemoteWriteConfig
from exporters.http import Answer, retry_after
from exporters.prometheus.remote_write.client import Client, judge

WRITTEN = {"X-Prometheus-Remote-Write-Samples-Written": "7"}


@dataclass
class Receiver:
    """Answers what it was told to, in order, and the last one for ever."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(
        default_factory=lambda: [(204, WRITTEN, b"")]
    )
    requests: list[tuple[str, Message, bytes]] = field(default_factory=list)
    connections: int = 0
    hang_up_after: int | None = None
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            state.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append((self.path, self.headers, body))
            status, headers, text = (
                state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", f"{len(text)}")
            self.end_headers()
            self.wfile.write(text)
            if len(state.requests) == state.hang_up_after:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/api/v1/write?tenant=a"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def test_a_request_says_which_version_it_is(receiver: Receiver) -> None:
    with closing(Client(RemoteWriteConfig(url=receiver.url))) as client:
        assert client.send(b"two", "2.0").written == 7
        assert client.send(b"one", "1.0").kind == "written"
    (path, second, body), (_, first, _) = receiver.requests
    assert (path, body) == ("/api/v1/write?tenant=a", b"two")
    assert second["Content-Encoding"] == "snappy"
    assert second["Content-Type"] == ("application/x-protobuf;proto=io.prometheus.write.v2.Request")
    assert second["X-Prometheus-Remote-Write-Version"] == "2.0.0"
    assert second["User-Agent"].startswith("container-agent/")
    assert first["Content-Type"] == "application/x-protobuf"
    assert first["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert receiver.connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(receiver: Receiver) -> None:
    receiver.hang_up_after = 1
    with closing(Client(RemoteWriteConfig(url=receiver.url))) as client:
        assert client.send(b"a", "2.0").kind == "written"
        assert client.send(b"b", "2.0").kind == "written"
    assert [body for _, _, body in receiver.requests] == [b"a", b"b"]
    assert receiver.connections == 2


def test_a_long_answer_does_not_confuse_the_next_request(receiver: Receiver) -> None:
    receiver.answers = [(400, {}, b"no\n" * 100_000), (204, WRITTEN, b"")]
    with closing(Client(RemoteWriteConfig(url=receiver.url))) as client:
        outcome = client.send(b"a", "2.0")
        assert (outcome.kind, outcome.message) == ("refused", "400 no")
        assert client.send(b"b", "2.0").kind == "written"


def test_nobody_there_is_a_reason_to_try_again(receiver: Receiver) -> None:
    with closing(Client(RemoteWriteConfig(url="http://127.0.0.1:1/"))) as client:
        outcome = client.send(b"a", "2.0")
    assert (outcome.kind, outcome.cause) == ("retry", "connection")


def test_passwords_and_tokens_are_read_from_their_files_each_time(
    receiver: Receiver, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one\n")
    token = RemoteWriteConfig(url=receiver.url, bearer_token_file=str(secret))
    with closing(Client(token)) as client:
        client.send(b"", "2.0")
        secret.write_text("two\n")
        client.send(b"", "2.0")
    basic = RemoteWriteConfig(url=receiver.url, username="u", password_file=str(secret))
    with closing(Client(basic)) as client:
        client.send(b"", "2.0")
    found = [headers["Authorization"] for _, headers, _ in receiver.requests]
    assert found == ["Bearer one", "Bearer two", f"Basic {base64.b64encode(b'u:two').decode()}"]


def test_a_missing_password_file_is_a_reason_to_try_again(
    receiver: Receiver, tmp_path: Path
) -> None:
    config = RemoteWriteConfig(url=receiver.url, bearer_token_file=str(tmp_path / "none"))
    with closing(Client(config)) as client:
        outcome = client.send(b"", "2.0")
    assert (outcome.kind, outcome.cause) == ("retry", "credentials")
    assert receiver.requests == []


def test_further_headers_are_sent(receiver: Receiver) -> None:
    config = RemoteWriteConfig(url=receiver.url, headers=("X-Scope-OrgID: team-a",))
    with closing(Client(config)) as client:
        client.send(b"", "2.0")
    assert receiver.requests[0][1]["X-Scope-OrgID"] == "team-a"


def answer(status: int, headers: dict[str, str]) -> Answer:
    message = http.client.HTTPMessage()
    for name, value in headers.items():
        message[name] = value
    return Answer(status, message, b"")


@pytest.mark.parametrize(
    ("status", "headers", "sent", "kind"),
    [
        (200, WRITTEN, "2.0", "written"),
        (204, {}, "1.0", "written"),
        (204, {}, "2.0", "unknown protocol"),
        (415, {}, "2.0", "unknown protocol"),
        (415, {}, "1.0", "refused"),
        (429, {}, "2.0", "retry"),
        (500, {}, "2.0", "retry"),
        (503, {}, "1.0", "retry"),
        (400, {}, "2.0", "refused"),
        (401, {}, "1.0", "refused"),
        (404, {}, "1.0", "refused"),
        (302, {}, "1.0", "refused"),
    ],
)
def test_an_answer_means(status: int, headers: dict[str, str], sent: str, kind: str) -> None:
    assert judge(answer(status, headers), "2.0" if sent == "2.0" else "1.0").kind == kind


def test_retry_after_is_seconds_or_a_date_and_never_for_ever() -> None:
    assert retry_after("30", 0) == 30
    assert retry_after(formatdate(1_000_060, usegmt=True), 1_000_000) == 60
    assert retry_after(formatdate(1_000_000, usegmt=True), 1_000_060) == 0
    assert retry_after("999999999", 0) == 600
    assert judge(answer(503, {"Retry-After": "7"}), "2.0").retry_after == 7


@given(st.text())
def test_any_retry_after_is_a_number_of_seconds(text: str) -> None:
    assert 0 <= retry_after(text, 1e9) <= 600
