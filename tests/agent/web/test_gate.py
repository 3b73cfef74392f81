"""The agent's server behind a web configuration, over real TLS sockets."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest

from agent.cli.main import main
from agent.server import MetricsServer
from agent.web.adapter import TlsAdapter
from agent.web.faults import BadWebFile
from agent.web.gate import Gate
from tests.agent.test_server import FakePages
from tests.agent.web.certificates import Authority, Pair
from tests.agent.web.test_passwords import basic

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server_pair(authority: Authority) -> Pair:
    return authority.issue("server", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture(scope="module")
def client_pair(authority: Authority) -> Pair:
    return authority.issue("client", "DNS:prometheus.example,IP:10.0.0.1,URI:spiffe://a/b")


def tls_text(pair: Pair, *more: str) -> str:
    lines = (f"cert_file: {pair.cert}", f"key_file: {pair.key}", *more)
    return "tls_server_config:\n" + "".join(f"  {line}\n" for line in lines)


class Serving:
    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        path.write_text(text)
        self.gate = Gate(str(path))
        tls = TlsAdapter(self.gate.context) if self.gate.encrypted else None
        self._server = MetricsServer(("127.0.0.1", 0), FakePages(), self.gate, tls)
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()
        self.port = self._server.address[1]

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def get(
        self, path: str = "/metrics", context: ssl.SSLContext | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        connection: http.client.HTTPConnection
        if context is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        else:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=10, context=context
            )
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        return response


@contextmanager
def serving(tmp_path: Path, text: str) -> Iterator[Serving]:
    server = Serving(tmp_path / "web.yml", text)
    try:
        yield server
    finally:
        server.stop()


def trusting(authority: Authority, client: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.own.cert))
    if client is not None:
        context.load_cert_chain(client.cert, client.key)
    return context


def test_without_a_password_nothing_is_served_not_even_health(tmp_path: Path) -> None:
    with serving(tmp_path, USERS) as server:
        for path in ("/metrics", "/healthz", "/readyz", "/", "/nothing"):
            response = server.get(path)
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Basic"
        assert server.get(Authorization=basic("alice", "wrong")).status == 401
        assert server.get(Authorization=basic("bob", "right")).status == 401
        assert server.get(Authorization=basic("alice", "right")).status == 200


def test_a_scraper_costs_one_bcrypt_however_often_it_comes(tmp_path: Path) -> None:
    with serving(tmp_path, USERS) as server:
        for _ in range(5):
            assert server.get(Authorization=basic("alice", "right")).status == 200
        passwords = server.gate._good.passwords
        assert passwords is not None
        assert passwords.hashed == 1


def test_the_page_is_served_by_tls_to_who_trusts_it(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    with serving(tmp_path, tls_text(server_pair)) as server:
        for _ in range(3):
            assert server.get(context=trusting(authority)).status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            server.get(context=ssl.create_default_context())


def test_a_kept_tls_connection_serves_several_requests(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    with serving(tmp_path, tls_text(server_pair)) as server:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=10, context=trusting(authority)
        )
        for _ in range(5):
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"a 1\nb 2\n")
        connection.close()


def test_plain_http_to_a_tls_port_gets_nothing(tmp_path: Path, server_pair: Pair) -> None:
    with (
        serving(tmp_path, tls_text(server_pair)) as server,
        pytest.raises((http.client.HTTPException, ConnectionError)),
    ):
        server.get()


def test_certificate_and_key_may_be_in_the_file_itself(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    def block(key: str, path: Path) -> str:
        return f"  {key}: |\n" + "".join(f"    {line}\n" for line in path.read_text().splitlines())

    text = "tls_server_config:\n" + block("cert", server_pair.cert) + block("key", server_pair.key)
    with serving(tmp_path, text) as server:
        assert server.get(context=trusting(authority)).status == 200


def test_a_client_certificate_is_required_and_verified(
    tmp_path: Path, authority: Authority, server_pair: Pair, client_pair: Pair
) -> None:
    text = tls_text(
        server_pair,
        "client_auth_type: RequireAndVerifyClientCert",
        f"client_ca_file: {authority.own.cert}",
    )
    stranger = Authority(tmp_path / "other", "other").issue("client", "DNS:prometheus.example")
    with serving(tmp_path, text) as server:
        assert server.get(context=trusting(authority, client_pair)).status == 200
        for refused in (trusting(authority), trusting(authority, stranger)):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                server.get(context=refused)
        assert server.get(context=trusting(authority, client_pair)).status == 200


def test_a_certificate_that_need_not_be_given_is_verified_when_it_is(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    text = tls_text(
        server_pair,
        "client_auth_type: VerifyClientCertIfGiven",
        f"client_ca_file: {authority.own.cert}",
    )
    stranger = Authority(tmp_path / "other", "other").issue("client", "DNS:a.example")
    with serving(tmp_path, text) as server:
        assert server.get(context=trusting(authority)).status == 200
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            server.get(context=trusting(authority, stranger))


@pytest.mark.parametrize(
    ("sans", "taken"),
    [
        ("[other.example, prometheus.example]", True),
        ("[10.0.0.1]", True),
        ("['spiffe://a/b']", True),
        ("[other.example]", False),
        ("[]", False),
    ],
)
def test_only_allowed_names_are_let_in(
    tmp_path: Path,
    authority: Authority,
    server_pair: Pair,
    client_pair: Pair,
    sans: str,
    taken: bool,
) -> None:
    text = tls_text(
        server_pair,
        "client_auth_type: RequireAndVerifyClientCert",
        f"client_ca_file: {authority.own.cert}",
        f"client_allowed_sans: {sans}",
    )
    with serving(tmp_path, text) as server:
        if taken:
            assert server.get(context=trusting(authority, client_pair)).status == 200
        else:
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                server.get(context=trusting(authority, client_pair))


def test_versions_and_ciphers_are_as_configured(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    text = tls_text(
        server_pair,
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
        "curve_preferences: [CurveP256]",
    )
    with serving(tmp_path, text) as server:
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with trusting(authority).wrap_socket(raw, server_hostname="localhost") as wrapped:
            assert wrapped.version() == "TLSv1.2"
            assert (wrapped.cipher() or ("",))[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
        only_new = trusting(authority)
        only_new.minimum_version = ssl.TLSVersion.TLSv1_3
        with pytest.raises((ssl.SSLError, ConnectionError)):
            server.get(context=only_new)


def test_a_client_that_connects_and_says_nothing_keeps_nobody_out(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    with (
        serving(tmp_path, tls_text(server_pair)) as server,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        assert server.get(context=trusting(authority)).status == 200


def test_headers_of_the_file_are_on_every_answer(tmp_path: Path) -> None:
    text = "http_server_config: {headers: {X-Frame-Options: deny}}\n" + USERS
    with serving(tmp_path, text) as server:
        assert server.get().headers["X-Frame-Options"] == "deny"
        good = server.get(Authorization=basic("alice", "right"))
        assert good.headers["X-Frame-Options"] == "deny"
        assert good.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_changes_is_used_at_once_and_a_bad_one_never(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, USERS) as server:
        assert server.get().status == 401
        server.write("http_server_config: {headers: {X-Frame-Options: deny}}\n")
        assert server.get().status == 200
        server.write(USERS)
        assert server.get().status == 401
        server.write("basic_auth_users: {alice: hunter2}\n")
        for _ in range(3):
            assert server.get().status == 401
        assert server.get(Authorization=basic("alice", "right")).status == 200
        server.path.unlink()
        assert server.get().status == 401
        assert server.gate.failures == 5
        assert "hunter2" not in caplog.text
        told = [record for record in caplog.records if "last good one stays" in record.message]
        assert len(told) == 2
        server.write("")
        assert server.get().status == 200


def test_a_renewed_certificate_is_used_for_the_next_connection(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    other = Authority(tmp_path / "other", "other")
    renewed = other.issue("server", "DNS:localhost,IP:127.0.0.1")
    live = Pair(tmp_path / "live.crt", tmp_path / "live.key")
    live.cert.write_bytes(server_pair.cert.read_bytes())
    live.key.write_bytes(server_pair.key.read_bytes())
    with serving(tmp_path, tls_text(live)) as server:
        assert server.get(context=trusting(authority)).status == 200
        # One after the other, as most tools do it: in between they do not match.
        live.cert.write_bytes(renewed.cert.read_bytes())
        assert server.get(context=trusting(authority)).status == 200
        live.key.write_bytes(renewed.key.read_bytes())
        assert server.get(context=trusting(other)).status == 200


def test_tls_is_not_switched_while_it_runs(
    tmp_path: Path, authority: Authority, server_pair: Pair
) -> None:
    with serving(tmp_path, tls_text(server_pair)) as server:
        server.write("")
        assert server.get(context=trusting(authority)).status == 200
        assert server.gate.failures > 0


def test_requests_beyond_the_rate_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("rate_limit: {interval: 10s, burst: 2}\n")
    now = 0.0
    gate = Gate(str(path), clock=lambda: now)
    assert [gate.check("").status for _ in range(3)] == ["", "", "429 Too Many Requests"]
    now = 10.0
    assert [gate.check("").status for _ in range(2)] == ["", "429 Too Many Requests"]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("client_auth_type: RequestClientCert", "does not verify it"),
        ("client_auth_type: RequireAnyClientCert", "does not verify it"),
        ("cipher_suites: [TLS_RSA_WITH_ROT13]", "unknown cipher"),
        ("curve_preferences: [CurveP1]", "unknown curve"),
        ("curve_preferences: [X25519, CurveP256]", "one curve"),
    ],
)
def test_what_this_server_cannot_do_is_refused_at_the_start(
    tmp_path: Path, server_pair: Pair, more: str, problem: str
) -> None:
    path = tmp_path / "web.yml"
    path.write_text(tls_text(server_pair, more))
    with pytest.raises(BadWebFile, match=problem):
        Gate(str(path))


def test_a_key_that_is_not_the_certificates_is_told_at_the_start(
    tmp_path: Path, server_pair: Pair, client_pair: Pair
) -> None:
    path = tmp_path / "web.yml"
    path.write_text(tls_text(Pair(server_pair.cert, client_pair.key)))
    with pytest.raises(BadWebFile, match="KEY_VALUES_MISMATCH"):
        Gate(str(path))


def health(server: Serving, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(
        [
            *("health", "--set", f"metrics.listen=127.0.0.1:{server.port}"),
            *("--web.config.file", str(server.path)),
        ]
    )
    shown = capsys.readouterr()
    return code, shown.out + shown.err


def test_agent_health_speaks_tls_and_trusts_the_configured_certificate(
    tmp_path: Path, server_pair: Pair, client_pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, tls_text(server_pair)) as server:
        assert health(server, capsys) == (0, "ok\n")
        # Somebody else's certificate on that port is not the agent.
        server.path = tmp_path / "other.yml"
        server.write(tls_text(client_pair))
        code, said = health(server, capsys)
        assert code == 5
        assert "certificate verify failed" in said


def test_agent_health_says_that_an_agent_is_up_that_asks_for_more(
    tmp_path: Path,
    authority: Authority,
    server_pair: Pair,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(tmp_path, USERS) as server:
        assert health(server, capsys) == (0, "up; it asks for a password\n")
    text = tls_text(
        server_pair,
        "client_auth_type: RequireAndVerifyClientCert",
        f"client_ca_file: {authority.own.cert}",
    )
    with serving(tmp_path, text) as server:
        assert health(server, capsys) == (0, "up; it asks for a client certificate\n")
