"""exporters/fluentd/connection.py and what client.py makes of it: servers that ask who we are,
speak TLS, close after each message, die and come back. All in the test's own loop."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgpack
import pytest

from agent.log_destinations import FluentdDestination, ForwardServer
from agent.logs.chunk import Chunk, Delivered, RetryAfter
from exporters.fluentd.client import ForwardClient
from tests.agent.web.certificates import Authority

KEY = b"the shared key"
NONCE = b"\xff\xfe nonce \x80\x81\x82\x83\x84\x85\x86"


def sha(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


@dataclass
class Peer:
    """A Forward server. With a key it wants the handshake."""

    key: bytes = b""
    users: dict[str, str] = field(default_factory=dict)
    answers_key: bytes = b""
    """The key it proves itself; "" the same."""
    keepalive: bool | None = True
    as_str: bool = False
    """Packs its random bytes as text, as Fluent Bit does."""
    acknowledges: bool = True
    received: list[str] = field(default_factory=list)
    connections: int = 0
    certificate: object = None
    port: int = 0
    _listener: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def listen(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._listener = await asyncio.start_server(self._handle, host, self.port, ssl=context)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def die(self) -> None:
        assert self._listener is not None
        self._listener.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.certificate = writer.get_extra_info("peercert")
        unpacker = msgpack.Unpacker(raw=False)
        greeted = not self.key
        if self.key:
            options: dict[str, object] = {"nonce": NONCE, "auth": NONCE if self.users else b""}
            if self.keepalive is not None:
                options["keepalive"] = self.keepalive
            writer.write(msgpack.packb(["HELO", options], use_bin_type=not self.as_str))
        while data := await reader.read(65536):
            unpacker.feed(data)
            for message in unpacker:
                if not greeted:
                    greeted = self._greet(message, writer)
                    if not greeted:
                        return
                    continue
                self.received.append(message[2]["chunk"])
                if self.acknowledges:
                    writer.write(msgpack.packb({"ack": message[2]["chunk"]}))
                if self.keepalive is False:
                    await writer.drain()
                    writer.write_eof()
                    return

    def _greet(self, message: list[str], writer: asyncio.StreamWriter) -> bool:
        kind, name, salt, key, user, login = message
        assert kind == "PING"
        reason = ""
        if key != sha(salt.encode(), name.encode(), NONCE, self.key):
            reason = "shared_key mismatch"
        elif self.users and (
            user not in self.users or login != sha(NONCE, user.encode(), self.users[user].encode())
        ):
            reason = "username/password mismatch"
        own = sha(salt.encode(), b"peer", NONCE, self.answers_key or self.key)
        writer.write(msgpack.packb(["PONG", not reason, reason, "peer", "" if reason else own]))
        return not reason


@pytest.fixture
def secrets(tmp_path: Path) -> FluentdDestination:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    (tmp_path / "password").write_text("letmein\n")
    return FluentdDestination(
        shared_key_file=str(tmp_path / "key"),
        username="shipper",
        password_file=str(tmp_path / "password"),
        ack_timeout=5,
    )


def run(
    config: FluentdDestination,
    test: Callable[[ForwardClient], Awaitable[None]],
    *peers: Peer,
    context: ssl.SSLContext | None = None,
) -> None:
    """The first peer is the destination's own server, the others are given in `config`."""

    async def whole() -> None:
        for peer in peers:
            await peer.listen(context)
        others = tuple(
            replace(server, port=peer.port)
            for server, peer in zip(config.server, peers[1:], strict=True)
        )
        client = ForwardClient(replace(config, port=peers[0].port, server=others))
        try:
            async with asyncio.timeout(20):
                await test(client)
        finally:
            await client.close()
            for peer in peers:
                await peer.die()
            await asyncio.sleep(0.01)

    asyncio.run(whole())


def chunk(name: str) -> Chunk:
    return Chunk(name, (b"x" * 10,), 1)


async def refused(client: ForwardClient) -> str:
    outcome = await client.send(chunk("a"))
    assert isinstance(outcome, RetryAfter)
    assert outcome.seconds > 0
    return outcome.reason


async def takes(client: ForwardClient) -> None:
    assert await client.send(chunk("a")) == Delivered()


def test_a_server_without_security_needs_none() -> None:
    run(FluentdDestination(), takes, Peer())


@pytest.mark.parametrize("as_str", [False, True])
@pytest.mark.parametrize("keepalive", [True, None])
def test_a_shared_key_and_a_login_let_us_in(
    secrets: FluentdDestination, as_str: bool, keepalive: bool | None
) -> None:
    peer = Peer(KEY, {"shipper": "letmein"}, as_str=as_str, keepalive=keepalive)
    run(secrets, takes, peer)
    assert peer.received == ["a"]


def test_a_shared_key_alone_is_enough_where_no_login_is_asked(
    secrets: FluentdDestination,
) -> None:
    run(secrets, takes, Peer(KEY))


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (Peer(b"another key"), "the server refuses us: shared_key mismatch"),
        (Peer(KEY, {"shipper": "other"}), "the server refuses us: username/password mismatch"),
        (Peer(KEY, answers_key=b"stolen name"), "the server does not have the shared key"),
    ],
)
def test_a_failed_handshake_is_a_retry_that_says_why(
    secrets: FluentdDestination, peer: Peer, words: str
) -> None:
    async def test(client: ForwardClient) -> None:
        reason = await refused(client)
        assert words in reason
        assert "the shared key\n" not in reason
        assert client.connected is False

    run(secrets, test, peer)
    assert peer.received == []


def test_a_secret_that_cannot_be_read_is_a_retry_and_is_read_again(
    secrets: FluentdDestination,
) -> None:
    key = Path(secrets.shared_key_file)
    key.unlink()

    async def test(client: ForwardClient) -> None:
        assert f"{key}: No such file or directory" in await refused(client)
        await asyncio.to_thread(key.write_bytes, KEY)
        client._servers.all[0].backoff.succeed()
        await takes(client)

    run(secrets, test, Peer(KEY))


def test_a_server_that_greets_where_no_key_is_configured_is_named() -> None:
    async def test(client: ForwardClient) -> None:
        outcome = await client.send(chunk("a"))
        assert isinstance(outcome, RetryAfter)
        assert "HELO" in outcome.reason
        assert "shared_key_file" in outcome.reason

    run(FluentdDestination(ack_timeout=5), test, Peer(KEY))


def test_a_server_that_says_no_keepalive_gets_a_connection_for_each_message(
    secrets: FluentdDestination,
) -> None:
    peer = Peer(KEY, {"shipper": "letmein"}, keepalive=False)

    async def test(client: ForwardClient) -> None:
        outcomes = await asyncio.gather(*(client.send(chunk(name)) for name in "abcd"))
        assert outcomes == [Delivered()] * 4
        assert client.connected is True

    run(secrets, test, peer)
    assert sorted(peer.received) == ["a", "b", "c", "d"]
    assert peer.connections == 4


def test_tls_checks_the_certificate_and_shows_its_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    theirs = authority.issue("server", "IP:127.0.0.1")
    ours = authority.issue("client", "DNS:agent")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.own.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(theirs.cert, theirs.key)
    config = FluentdDestination(
        tls=True,
        ca_file=str(authority.own.cert),
        cert_file=str(ours.cert),
        key_file=str(ours.key),
    )
    peer = Peer()
    run(config, takes, peer, context=context)
    assert peer.received == ["a"]
    assert "agent" in str(peer.certificate)


@pytest.mark.parametrize(
    ("san", "trusted", "words"),
    [
        ("DNS:another.example", True, "doesn't match|not valid for|mismatch"),
        ("IP:127.0.0.1", False, "certificate verify failed: "),
    ],
)
def test_a_server_with_another_name_or_signer_is_refused(
    tmp_path: Path, san: str, trusted: bool, words: str
) -> None:
    authority = Authority(tmp_path / "ca")
    other = Authority(tmp_path / "other", "other")
    theirs = authority.issue("server", san)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(theirs.cert, theirs.key)
    config = FluentdDestination(tls=True, ca_file=str((authority if trusted else other).own.cert))

    async def test(client: ForwardClient) -> None:
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(await refused(client))

    run(config, test, Peer(), context=context)


def test_a_server_that_wants_a_certificate_of_ours_says_so(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    theirs = authority.issue("server", "IP:127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.own.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(theirs.cert, theirs.key)

    async def test(client: ForwardClient) -> None:
        assert re.search("certificate required|want a client certificate", await refused(client))

    run(
        FluentdDestination(tls=True, ca_file=str(authority.own.cert)), test, Peer(), context=context
    )


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path, key: str) -> None:
    nowhere = str(tmp_path / "nowhere.pem")
    config = FluentdDestination(tls=True, ca_file=nowhere)
    if key == "cert_file":
        config = FluentdDestination(tls=True, cert_file=nowhere, key_file=nowhere)

    async def test(client: ForwardClient) -> None:
        assert nowhere in await refused(client)

    run(config, test, Peer())


def test_a_certificate_may_be_for_a_name_of_its_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    theirs = authority.issue("server", "DNS:logs.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(theirs.cert, theirs.key)
    config = FluentdDestination(
        tls=True, tls_server_name="logs.example", ca_file=str(authority.own.cert)
    )
    run(config, takes, Peer(), context=context)


TWO = FluentdDestination(server=(ForwardServer("127.0.0.1", 1, standby=True),), ack_timeout=5)


def test_a_dead_server_is_left_for_another_at_once_and_returned_to() -> None:
    first, standby = Peer(), Peer()

    async def test(client: ForwardClient) -> None:
        await takes(client)
        await first.die()
        while client.connected:  # noqa: ASYNC110 the end of the connection is seen
            await asyncio.sleep(0.001)
        await takes(client)
        assert standby.received == ["a"]
        await first.listen()
        while len(first.received) < 2:
            await takes(client)
            await asyncio.sleep(0.01)
        here = len(standby.received)
        await takes(client)
        assert len(standby.received) == here

    run(TWO, test, first, standby)


def test_what_a_standby_has_not_acknowledged_is_waited_for_when_it_is_left() -> None:
    first, standby = Peer(), Peer(acknowledges=False)

    async def test(client: ForwardClient) -> None:
        await first.die()
        waiting = asyncio.create_task(client.send(chunk("slow")))
        while not standby.received:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await first.listen()
        while (now := client._connection) is None or now.server.config.standby:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert await client.send(chunk("b")) == Delivered()
        assert first.received == ["b"]
        assert not waiting.done()
        standby._writers[0].write(msgpack.packb({"ack": "slow"}))
        assert await waiting == Delivered()
        assert client.connected is True

    run(TWO, test, first, standby)


def test_all_servers_dead_is_a_retry_when_the_first_may_be_tried() -> None:
    peers = Peer(), Peer()

    async def test(client: ForwardClient) -> None:
        for peer in peers:
            await peer.die()
        outcome = await client.send(chunk("a"))
        assert isinstance(outcome, RetryAfter)
        assert 0.2 <= outcome.seconds <= 0.5
        assert "cannot connect to 127.0.0.1:" in outcome.reason

    run(replace(TWO, server=(ForwardServer("127.0.0.1", 1),)), test, *peers)


def test_a_server_that_accepts_and_says_nothing_is_not_waited_for_long(
    secrets: FluentdDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporters.fluentd.connection.CONNECT_TIMEOUT", 0.2)

    async def test(client: ForwardClient) -> None:
        assert "no handshake within 0.2 s; has the server a <security>" in await refused(client)

    run(secrets, test, Peer())


def test_a_server_that_speaks_no_tls_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporters.fluentd.connection.CONNECT_TIMEOUT", 0.2)

    async def test(client: ForwardClient) -> None:
        assert "no TLS within 0.2 s" in await refused(client)

    class Mute(Peer):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

    run(FluentdDestination(tls=True), test, Mute())


def test_an_ipv6_server_is_reached() -> None:
    async def whole() -> None:
        peer = Peer()
        try:
            await peer.listen(host="::1")
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
        client = ForwardClient(FluentdDestination(host="::1", port=peer.port))
        try:
            await takes(client)
        finally:
            await client.close()
            await peer.die()

    asyncio.run(whole())
