"""The web configuration file: what exporter-toolkit's own test files are, and what is told of a
mistake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.faults import BadWebFile
from agent.web.webfile import parse_web_file

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
PATH = "/etc/agent/web.yml"


def test_a_whole_file_is_read() -> None:
    file = parse_web_file(
        f"""
tls_server_config:
  cert_file: server.crt
  key_file: /run/keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [prometheus.example]
  min_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: ""
basic_auth_users:
  alice: {HASH}
rate_limit:
  interval: 1m30s
  burst: 5
""",
        PATH,
    )
    assert file.tls is not None
    assert file.tls.files() == (
        "/etc/agent/server.crt",
        "/run/keys/server.key",
        "/etc/agent/ca.crt",
    )
    assert file.tls.client_auth_type == "RequireAndVerifyClientCert"
    assert file.tls.client_allowed_sans == ("prometheus.example",)
    assert (file.tls.min_version, file.tls.max_version) == ("TLS13", "TLS13")
    assert file.users == {"alice": HASH.encode()}
    assert file.headers == (("X-Frame-Options", "deny"),)
    assert (file.rate_interval, file.rate_burst) == (90.0, 5)


@pytest.mark.parametrize("text", ["", "# nothing\n", "tls_server_config:\n", "{}"])
def test_an_empty_file_is_plain_http_for_everybody(text: str) -> None:
    file = parse_web_file(text, PATH)
    assert (file.tls, dict(file.users), file.headers) == (None, {}, ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tls_server_confg: {}", "'tls_server_confg'; did you mean 'tls_server_config'"),
        ("tls_server_config: {cert_fil: a}", "'tls_server_config.cert_fil'; did you mean"),
        ("tls_server_config: {cert_file: a}", "neither key nor key_file"),
        ("tls_server_config: {key_file: a}", "neither cert nor cert_file"),
        ("tls_server_config: {client_auth_type: Sometimes}", "must be one of NoClientCert"),
        ("tls_server_config: {cert: a, key: b, client_ca: c}", "without client_auth_type"),
        ("tls_server_config: {cert: a, key: b, min_version: TLS14}", "must be one of TLS10"),
        ("tls_server_config: {cert_file: 1}", "cert_file: must be text"),
        ("tls_server_config: [a]", "tls_server_config: must be keys and values"),
        ("http_server_config: {http2: maybe}", "http2: must be true or false"),
        ("http_server_config: {headers: {Server: x}}", "unknown key"),
        ("http_server_config: {headers: {X-Frame-Options: never}}", "must be deny or sameorigin"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', "must be printable"),
        ("basic_auth_users: {alice: secret}", "basic_auth_users.alice: must be a bcrypt hash"),
        ("basic_auth_users: {alice: 5}", "basic_auth_users.alice: must be a bcrypt hash"),
        ("rate_limit: {interval: soon}", "rate_limit.interval"),
        ("rate_limit: {burst: -1}", "rate_limit.burst"),
        ("a: 1\na: 2", "line 2, column 1: the key 'a' is there twice"),
        ("basic_auth_users: [", "this is not YAML, line"),
        ("just text", "must be keys and values"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(BadWebFile, match=r"^/etc/agent/web\.yml: ") as told:
        parse_web_file(text, PATH)
    assert problem in str(told.value)


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"basic_auth_users: {{alice: {SECRET}}}",
        f"basic_auth_users: {{alice: '{SECRET}",
        f"basic_auth_users: {{alice: [{SECRET}]}}",
        f"tls_server_config: {{key: [{SECRET}]}}",
        f"tls_server_config: {{key: {SECRET}, cert_fil: x}}",
        f"{SECRET}",
        f"key: \t{SECRET}: {SECRET}",
    ],
)
def test_no_message_quotes_a_value(text: str) -> None:
    with pytest.raises(BadWebFile) as told:
        parse_web_file(text, PATH)
    assert SECRET not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__ or told.value.__context__ is None


def test_what_is_secret_is_not_in_the_repr() -> None:
    text = f"tls_server_config: {{cert: c, key: {SECRET}}}\nbasic_auth_users: {{a: {HASH}}}"
    shown = repr(parse_web_file(text, PATH))
    assert SECRET not in shown
    assert HASH not in shown


@given(st.text())
def test_any_text_is_a_file_or_a_mistake(text: str) -> None:
    try:
        parse_web_file(text, PATH)
    except BadWebFile:
        pass


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *("tls_server_config", "http_server_config", "headers", "basic_auth_users"),
                    *("rate_limit", "cert", "key", "interval", "burst", "http2", "cipher_suites"),
                    "X-Frame-Options",
                )
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(trees)
def test_any_yaml_is_a_file_or_a_mistake(tree: object) -> None:
    import yaml

    try:
        parse_web_file(yaml.safe_dump(tree), PATH)
    except BadWebFile:
        pass
