"""How to get in to a server: a file in the format of Prometheus' http_config, as promtool takes it.

    basic_auth: {username: jo, password_file: /etc/agent/password}
    authorization: {type: Bearer, credentials_file: /etc/agent/token}
    tls_config: {ca_file: ca.pem, cert_file: me.pem, key_file: me.key,
                 insecure_skip_verify: false}

Passwords and tokens are in files or in this file, never on a command line. Paths are relative to
the file.

Docs     https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
"""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from typing import Final

import yaml

from agent.records import dataclass

_KNOWN: Final = {
    "": frozenset({"basic_auth", "authorization", "tls_config"}),
    "basic_auth": frozenset({"username", "password", "password_file"}),
    "authorization": frozenset({"type", "credentials", "credentials_file"}),
    "tls_config": frozenset({"ca_file", "cert_file", "key_file", "insecure_skip_verify"}),
}


class BadAccess(ValueError):
    """The file cannot be used. Names it, and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Without a file: nothing but the system's certificates."""

    authorization: str = ""
    """The header's value; "" for none. Not in any message."""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    verify: bool = True

    def headers(self) -> dict[str, str]:
        """For every request."""
        return {"Authorization": self.authorization} if self.authorization else {}

    def context(self) -> ssl.SSLContext:
        """For https. Raises OSError where a certificate cannot be read."""
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def __repr__(self) -> str:
        return f"Access(ca_file={self.ca_file!r}, cert_file={self.cert_file!r})"


def read_access(path: str) -> Access:
    """Read the file. Raises BadAccess."""
    try:
        document = yaml.safe_load(Path(path).read_bytes())
    except OSError as error:
        raise BadAccess(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise BadAccess(f"{path}: is no YAML: {error}") from None
    if not isinstance(document, dict):
        raise BadAccess(f"{path}: must have basic_auth, authorization or tls_config")
    sections = {name: _section(path, document, name) for name in _KNOWN[""]}
    _refuse_unknown(path, "", document)
    tls = sections["tls_config"]
    return Access(
        authorization=_authorization(path, sections["basic_auth"], sections["authorization"]),
        ca_file=_beside(path, _text(path, tls, "ca_file")),
        cert_file=_beside(path, _text(path, tls, "cert_file")),
        key_file=_beside(path, _text(path, tls, "key_file")),
        verify=tls.get("insecure_skip_verify", False) is not True,
    )


def _section(path: str, document: dict[object, object], name: str) -> dict[object, object]:
    section = document.get(name) or {}
    if not isinstance(section, dict):
        raise BadAccess(f"{path}: {name} must be a mapping")
    _refuse_unknown(path, name, section)
    return section


def _refuse_unknown(path: str, name: str, section: dict[object, object]) -> None:
    for key in section:
        if key not in _KNOWN[name]:
            known = ", ".join(sorted(_KNOWN[name]))
            where = f"{name}.{key}" if name else str(key)
            raise BadAccess(f"{path}: {where} is not known here; known: {known}")


def _authorization(path: str, basic: dict[object, object], other: dict[object, object]) -> str:
    if basic and other:
        raise BadAccess(f"{path}: basic_auth and authorization exclude each other")
    if basic:
        password = _secret(path, basic, "password")
        pair = f"{_text(path, basic, 'username')}:{password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"
    if other:
        kind = _text(path, other, "type") or "Bearer"
        return f"{kind} {_secret(path, other, 'credentials')}"
    return ""


def _secret(path: str, section: dict[object, object], key: str) -> str:
    file = _text(path, section, f"{key}_file")
    if not file:
        return _text(path, section, key)
    try:
        return Path(_beside(path, file)).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadAccess(f"{path}: {key}_file {file}: {error.strerror}") from None


def _text(path: str, section: dict[object, object], key: str) -> str:
    value = section.get(key, "")
    if not isinstance(value, str):
        raise BadAccess(f"{path}: {key} must be text")
    return value


def _beside(path: str, file: str) -> str:
    return str(Path(path).parent / file) if file else ""
