"""The web configuration file, in the format of Prometheus' exporters (exporter-toolkit).

Docs    https://prometheus.io/docs/prometheus/latest/configuration/https/

    tls_server_config:
      cert_file: server.crt
      key_file: server.key
      client_auth_type: RequireAndVerifyClientCert
      client_ca_file: ca.crt
    basic_auth_users:
      prometheus: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG

A file that works there works here, but for what Python's TLS cannot do, which is refused with the
reason. Relative paths are beside the file. No message quotes a value: it may be a secret.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Final

import yaml

from agent.records import dataclass, field
from agent.web.faults import BadWebFile

AUTH_TYPES: Final = (
    "NoClientCert",
    "RequestClientCert",
    "RequireClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
)
VERSIONS: Final = ("TLS10", "TLS11", "TLS12", "TLS13")
_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""What may be set, and to what; () is anything."""
_BCRYPT: Final = re.compile(r"\$2[abxy]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """tls_server_config. Of `cert` and `cert_file` and the like one is "": text or its file."""

    cert: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    client_ca: str = field(default="", repr=False)
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: str = "NoClientCert"
    client_allowed_sans: tuple[str, ...] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()

    def files(self) -> tuple[str, ...]:
        """The files it is made of."""
        named = (self.cert_file, self.key_file, self.client_ca_file)
        return tuple(path for path in named if path)


@dataclass(frozen=True, slots=True)
class WebFile:
    """The whole file."""

    tls: TlsSettings | None = None
    """None: plain HTTP."""
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Name → bcrypt hash. Empty: everybody may."""
    headers: tuple[tuple[str, str], ...] = ()
    """Put on every answer."""
    rate_interval: float = 0.0
    """Seconds for each request beyond the burst; 0: as many as come."""
    rate_burst: int = 0


def parse_web_file(text: str, path: str) -> WebFile:
    """Parse it; `path` is for messages and for what is relative to it. Raises BadWebFile."""
    reader = _Reader(path)
    return reader.read(reader.load(text))


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, where the last one would win."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Reader:
    """One file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def load(self, text: str) -> Mapping[str, object]:
        try:
            found = yaml.load(text, _Loader)  # noqa: S506 it is a SafeLoader
        except yaml.MarkedYAMLError as error:
            # The message itself quotes the line.
            mark = error.problem_mark
            where = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
            raise self._bad(f"this is not YAML{where}: {error.problem}") from None
        except yaml.YAMLError:
            raise self._bad("this is not YAML") from None
        return self._mapping(found, "")

    def read(self, table: Mapping[str, object]) -> WebFile:
        known = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
        self._check_keys(table, known, "")
        tls = self._mapping(table.get("tls_server_config"), "tls_server_config")
        http = self._mapping(table.get("http_server_config"), "http_server_config")
        rate = self._mapping(table.get("rate_limit"), "rate_limit")
        self._check_keys(http, ("http2", "headers"), "http_server_config.")
        self._check_keys(rate, ("interval", "burst"), "rate_limit.")
        self._flag(http, "http2", "http_server_config.", default=True)  # this server has HTTP/1.1
        burst = rate.get("burst", 0)
        if type(burst) is not int or burst < 0:
            raise self._bad("rate_limit.burst: must be a whole number")
        return WebFile(
            tls=self._tls(tls),
            users=self._users(table.get("basic_auth_users")),
            headers=self._headers(http.get("headers")),
            rate_interval=self._duration(rate.get("interval", 0)),
            rate_burst=burst,
        )

    def _tls(self, table: Mapping[str, object]) -> TlsSettings | None:
        at = "tls_server_config."
        self._check_keys(table, TlsSettings.__dataclass_fields__, at)
        sans = table.get("client_allowed_sans")
        settings = TlsSettings(
            cert=self._text(table, "cert", at),
            key=self._text(table, "key", at),
            client_ca=self._text(table, "client_ca", at),
            cert_file=self._beside(table, "cert_file", at),
            key_file=self._beside(table, "key_file", at),
            client_ca_file=self._beside(table, "client_ca_file", at),
            client_auth_type=self._choice(table, "client_auth_type", AUTH_TYPES, "NoClientCert"),
            client_allowed_sans=None if sans is None else self._list(table, "client_allowed_sans"),
            min_version=self._choice(table, "min_version", VERSIONS, "TLS12"),
            max_version=self._choice(table, "max_version", VERSIONS, "TLS13"),
            cipher_suites=self._list(table, "cipher_suites"),
            prefer_server_cipher_suites=self._flag(
                table, "prefer_server_cipher_suites", at, default=True
            ),
            curve_preferences=self._list(table, "curve_preferences"),
        )
        own = (settings.cert, settings.key, settings.client_ca, table.get("client_auth_type"))
        if not settings.files() and not any(own):
            return None
        if not (settings.cert or settings.cert_file):
            raise self._bad(f"{at}: neither cert nor cert_file")
        if not (settings.key or settings.key_file):
            raise self._bad(f"{at}: neither key nor key_file")
        has_ca = settings.client_ca or settings.client_ca_file
        if has_ca and settings.client_auth_type == "NoClientCert":
            raise self._bad(f"{at}client_ca: of no use without client_auth_type")
        return settings

    def _users(self, found: object) -> Mapping[str, bytes]:
        users: dict[str, bytes] = {}
        for name, value in self._mapping(found, "basic_auth_users").items():
            if not isinstance(value, str) or not _BCRYPT.fullmatch(value):
                raise self._bad(f"basic_auth_users.{name}: must be a bcrypt hash, $2y$10$…")
            users[name] = value.encode()
        return users

    def _headers(self, found: object) -> tuple[tuple[str, str], ...]:
        at = "http_server_config.headers"
        headers = self._mapping(found, at)
        self._check_keys(headers, _HEADERS, f"{at}.")
        kept = []
        for name in headers:
            value = self._text(headers, name, f"{at}.")
            if _HEADERS[name] and value not in _HEADERS[name]:
                raise self._bad(f"{at}.{name}: must be {' or '.join(_HEADERS[name])}")
            if not value.isprintable() or not value.isascii():
                raise self._bad(f"{at}.{name}: must be printable ASCII")
            if value:
                kept.append((name, value))
        return tuple(kept)

    def _duration(self, value: object) -> float:
        if value == 0:
            return 0.0
        if isinstance(value, str) and re.fullmatch(f"({_DURATION.pattern})+", value):
            return sum(float(n) * _UNITS[unit] for n, unit in _DURATION.findall(value))
        raise self._bad("rate_limit.interval: must be a duration, 500ms or 1s")

    def _mapping(self, found: object, key: str) -> Mapping[str, object]:
        if found is None:
            return {}
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
            raise self._bad(f"{key}: must be keys and values" if key else "must be keys and values")
        return found

    def _text(self, table: Mapping[str, object], key: str, at: str) -> str:
        value = table.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._bad(f"{at}{key}: must be text")
        return value

    def _beside(self, table: Mapping[str, object], key: str, at: str) -> str:
        value = self._text(table, key, at)
        return os.path.join(os.path.dirname(self._path), value) if value else ""

    def _flag(self, table: Mapping[str, object], key: str, at: str, *, default: bool) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            raise self._bad(f"{at}{key}: must be true or false")
        return value

    def _choice(
        self, table: Mapping[str, object], key: str, choices: tuple[str, ...], default: str
    ) -> str:
        value = table.get(key)
        if value is None or value == "":
            return default
        if value not in choices:
            raise self._bad(f"tls_server_config.{key}: must be one of {', '.join(choices)}")
        return str(value)

    def _list(self, table: Mapping[str, object], key: str) -> tuple[str, ...]:
        value = table.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._bad(f"tls_server_config.{key}: must be a list of texts")
        return tuple(value)

    def _check_keys(self, table: Mapping[str, object], known: Iterable[str], at: str) -> None:
        names = list(known)
        for key in table:
            if key not in names:
                close = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
                hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
                raise self._bad(f"unknown key {at + key!r}; {hint}")

    def _bad(self, problem: str) -> BadWebFile:
        return BadWebFile(f"{self._path}: {problem}")
