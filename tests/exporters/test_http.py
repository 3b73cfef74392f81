"""exporters/http.py and exporters/backoff.py"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import RetryAfter
from exporters.backoff import FIRST_WAIT, LONGEST_WAIT, Backoff
from exporters.http import Answer, HttpClient, retry_after
from tests.agent.web.certificates import Authority
from tests.http_peer import BAD, HttpPeer, Request, response, serve


@dataclass(frozen=True)
class Options:
    timeout: float = 5.0
    headers: tuple[str, ...] = ()
    username: str = ""
    password_file: str = ""
    bearer_token_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


def client(
    peers: HttpPeer | Sequence[HttpPeer],
    options: Options = Options(),
    *,
    several: int = 4,
    gzip: bool = False,
    scheme: str = "http",
) -> HttpClient:
    peers = [peers] if isinstance(peers, HttpPeer) else peers
    return HttpClient(
        [peer.url("/push?a=b", scheme) for peer in peers],
        options,
        gzip=gzip,
        headers={"Content-Type": "text/x-test"},
        several=several,
        backoff=lambda: Backoff(lambda: 1.0),
    )


async def answered(http: HttpClient, body: bytes = b"body") -> Answer:
    outcome = await http.post(body)
    assert isinstance(outcome, Answer), outcome
    return outcome


async def later(http: HttpClient) -> RetryAfter:
    outcome = await http.post(b"body")
    assert isinstance(outcome, RetryAfter), outcome
    return outcome


def test_a_body_arrives_and_its_answer_comes_back() -> None:
    async def echo(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return response(207, request.body)

    async def test(peer: HttpPeer) -> None:
        http = client(peer, Options(headers=("X-Team: shop",)))
        before = http.connected
        assert before is None
        answer = await answered(http, b"x" * 300_000)
        assert (answer.status, answer.body) == (207, b"x" * 300_000)
        assert http.connected is True
        await http.close()

    (request,) = serve(test, echo).requests
    assert request.target == "/push?a=b"
    assert request.headers["x-team"] == "shop"
    assert request.headers["content-type"] == "text/x-test"


def test_a_body_is_compressed_where_that_is_wanted() -> None:
    async def test(peer: HttpPeer) -> None:
        http = client(peer, gzip=True)
        await answered(http, b"again " * 1000)
        await http.close()

    (request,) = serve(test).requests
    assert request.body == b"again " * 1000
    assert int(request.headers["content-length"]) < 200


def test_one_connection_serves_requests_one_after_another() -> None:
    async def test(peer: HttpPeer) -> None:
        http = client(peer)
        for _ in range(5):
            await answered(http)
        await http.close()

    assert serve(test).connections == 1


def test_several_requests_are_on_their_way_at_once_and_no_more() -> None:
    running = most = 0

    async def slow(request: Request, writer: asyncio.StreamWriter) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return response(200)

    async def test(peer: HttpPeer) -> None:
        http = client(peer, several=3)
        await asyncio.gather(*(answered(http) for _ in range(9)))
        await http.close()

    peer = serve(test, slow)
    assert most == 3
    assert peer.connections == 3


def test_a_kept_connection_that_the_server_closed_meanwhile_is_made_anew_unseen() -> None:
    async def test(peer: HttpPeer) -> None:
        http = client(peer)
        await answered(http)
        peer.drop()
        await asyncio.sleep(0.05)
        await answered(http)
        await http.close()

    assert serve(test).connections == 2


@pytest.mark.parametrize("status", [413, 503])
def test_an_answer_that_comes_before_the_body_is_sent_is_heard(status: int) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As a proxy does with a body that is too large: what it has not read resets the rest."""
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response(status, b"no"))
        await writer.drain()
        writer.transport.abort()

    async def test() -> None:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        peer = HttpPeer(port=server.sockets[0].getsockname()[1])
        http = client(peer)
        outcome = await http.post(b"x" * 16_000_000)
        said = outcome.in_words if isinstance(outcome, Answer) else outcome.reason
        assert said == f"{status} no"
        await http.close()
        server.close()
        await server.wait_closed()

    asyncio.run(test())
    assert len(asked) == 1


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_a_retry_that_says_why_and_ends_in_time(bad: str) -> None:
    async def test(peer: HttpPeer) -> None:
        http = client(peer, Options(timeout=0.5))
        began = asyncio.get_running_loop().time()
        outcome = await later(http)
        assert asyncio.get_running_loop().time() - began < 3
        assert outcome.reason.startswith(f"127.0.0.1:{peer.port}: ")
        assert len(outcome.reason) > len("127.0.0.1:12345: ")
        assert 0 < outcome.seconds <= FIRST_WAIT
        assert http.connected is False
        await http.close()

    serve(test, BAD[bad])


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 429, 500, 503, 599])
def test_a_status_that_may_change_is_a_retry(status: int) -> None:
    async def say(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return response(status, b"not now\nmore", Location="/elsewhere")

    async def test(peer: HttpPeer) -> None:
        http = client(peer)
        assert (await later(http)).reason == f"{status} not now"
        await http.close()

    assert len(serve(test, say).requests) == 1


@pytest.mark.parametrize("status", [200, 204, 400, 413, 415, 422])
def test_any_other_status_is_the_callers(status: int) -> None:
    async def say(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return response(status)

    async def test(peer: HttpPeer) -> None:
        http = client(peer)
        assert (await answered(http)).status == status
        await http.close()

    serve(test, say)


def test_it_waits_as_long_as_the_server_asks_and_longer_each_time() -> None:
    async def busy(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return response(429, Retry_After="7")

    async def test(peer: HttpPeer) -> None:
        http = client(peer)
        assert 6.5 < (await later(http)).seconds <= 7
        assert len(peer.requests) == 1
        await later(http)  # nothing is sent meanwhile
        assert len(peer.requests) == 1
        await http.close()

    serve(test, busy)


def test_another_server_is_tried_at_once_and_kept_to() -> None:
    async def test(peer: HttpPeer) -> None:
        dead = HttpPeer()
        await dead.listen()
        await dead.die()
        http = client([dead, peer])
        for _ in range(3):
            await answered(http)
        assert http.connected is True
        await peer.die()
        outcome = await later(http)
        assert "Connection refused" in outcome.reason
        await http.close()

    assert len(serve(test).requests) == 3


def test_secrets_are_read_for_each_request(tmp_path: Path) -> None:
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text("one\n")
    password.write_text("pä:ss\n")

    async def test(peer: HttpPeer) -> None:
        http = client(peer, Options(bearer_token_file=str(token)))
        await answered(http)
        await asyncio.to_thread(token.write_text, "two")
        await answered(http)
        await asyncio.to_thread(token.unlink)
        missing = await later(http)
        assert f"{token}: No such file or directory" in missing.reason
        await http.close()
        http = client(peer, Options(username="me", password_file=str(password)))
        await answered(http)
        await http.close()

    said = [request.headers["authorization"] for request in serve(test).requests]
    basic = base64.b64encode("me:pä:ss".encode()).decode()
    assert said == ["Bearer one", "Bearer two", f"Basic {basic}"]


@pytest.mark.parametrize("content", [b"to\nken", "tökén☃".encode(), b"\xff\xfe"])
def test_a_secret_that_no_header_holds_is_a_retry_without_the_secret(
    tmp_path: Path, content: bytes
) -> None:
    token = tmp_path / "token"
    token.write_bytes(content)

    async def test(peer: HttpPeer) -> None:
        http = client(peer, Options(bearer_token_file=str(token)))
        outcome = await later(http)
        assert "ken" not in outcome.reason.replace(str(token), "")
        await http.close()

    assert serve(test).requests == []


def test_tls_checks_the_server_and_shows_our_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    theirs, ours = authority.issue("server", "IP:127.0.0.1"), authority.issue("us", "DNS:agent")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.own.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(theirs.cert, theirs.key)
    options = Options(
        ca_file=str(authority.own.cert), cert_file=str(ours.cert), key_file=str(ours.key)
    )

    async def test(peer: HttpPeer) -> None:
        http = client(peer, options, scheme="https")
        await answered(http)
        await http.close()
        http = client(peer, replace(options, ca_file=""), scheme="https")
        assert "certificate verify failed" in (await later(http)).reason
        await http.close()
        http = client(peer, replace(options, ca_file="/nowhere/ca.crt"), scheme="https")
        assert "/nowhere/ca.crt: No such file or directory" in (await later(http)).reason
        await http.close()

    assert len(serve(test, context=context).requests) == 1


@pytest.mark.parametrize("bad", ["silence", "drip"])
def test_what_is_given_up_leaves_no_thread_behind(bad: str) -> None:
    async def test(peer: HttpPeer) -> None:
        http = client(peer)
        waiting = asyncio.create_task(http.post(b"body"))
        while not peer.requests:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await http.close()
        threads = list(http._executor._threads)
        await asyncio.wait_for(
            asyncio.gather(*(asyncio.to_thread(thread.join, 5) for thread in threads)), 8
        )
        assert not any(thread.is_alive() for thread in threads)

    serve(test, BAD[bad])


def test_the_wait_doubles_up_to_a_limit_and_begins_anew_at_a_success() -> None:
    backoff = Backoff(lambda: 1.0)
    waits = [backoff.fail(0.0, "dead") for _ in range(8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_WAIT, LONGEST_WAIT]
    assert backoff.left(10.0) == LONGEST_WAIT - 10
    backoff.succeed()
    assert backoff.left(0.0) == 0
    assert Backoff(lambda: 0.0).fail(0.0, "dead") == FIRST_WAIT / 2


def test_requests_that_fail_together_are_one_failure() -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep(0.05)
        return response(503)

    async def test(peer: HttpPeer) -> None:
        http = client(peer)
        outcomes = await asyncio.gather(*(later(http) for _ in range(4)))
        assert all(outcome.seconds <= FIRST_WAIT for outcome in outcomes)
        await http.close()

    assert len(serve(test, slow).requests) == 4


def test_a_success_that_began_before_a_failure_does_not_end_the_wait() -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.fail(10.0, "busy", at_least=60.0)
    backoff.succeed(began=9.0)
    assert backoff.left(11.0) == 59
    assert backoff.fail(11.0, "busy too", at_least=90.0, began=9.5) == 90
    backoff.succeed(began=12.0)
    assert backoff.left(12.0) == 0


def test_a_server_that_takes_a_part_is_not_waited_for_ever_longer() -> None:
    backoff = Backoff(lambda: 1.0)
    for round_ in range(0, 1000, 100):
        assert backoff.fail(round_ + 1.0, "queue full", began=round_) <= FIRST_WAIT
        backoff.succeed(began=round_)
        assert backoff.left(round_ + 1.0) == FIRST_WAIT


@given(st.text())
def test_any_retry_after_is_a_bounded_number(text: str) -> None:
    assert 0 <= retry_after(text, 0.0) <= 600
