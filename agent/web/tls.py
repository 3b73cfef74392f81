"""The TLS side of a web configuration: settings to an ssl.SSLContext.

What Python's ssl cannot do is refused, not ignored: to ask for a client certificate without
verifying it (RequestClientCert, RequireAnyClientCert), and a list of curves.
"""

from __future__ import annotations

import os
import ssl
import warnings
from typing import Final

from agent.web.faults import BadWebFile
from agent.web.webfile import TlsSettings

_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_VERIFY: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_CURVES: Final = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
_TLS13_SUITES: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
"""Always on, here as in Go."""
_SUITES: Final = {
    f"TLS_{exchange}_WITH_{cipher}": prefix + openssl
    for exchange, prefix in (
        ("ECDHE_ECDSA", "ECDHE-ECDSA-"),
        ("ECDHE_RSA", "ECDHE-RSA-"),
        ("RSA", ""),
    )
    for cipher, openssl in (
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    )
    if prefix or not cipher.startswith("CHACHA")
}
"""Go's name → OpenSSL's."""


class Context(ssl.SSLContext):
    """A server's context, and which clients it takes."""

    allowed_sans: frozenset[str] | None = None
    """Names of which a client's certificate must have one. None: any."""


def make_context(settings: TlsSettings) -> Context:
    """Build it from the settings and the files they name. Raises BadWebFile and OSError."""
    verify = _VERIFY.get(settings.client_auth_type)
    if verify is None:
        raise BadWebFile(
            f"tls_server_config.client_auth_type: {settings.client_auth_type} asks for a"
            " certificate and does not verify it, which this server cannot do; use"
            " RequireAndVerifyClientCert"
        )
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        # The operator's choice; OpenSSL itself may refuse 1.0 and 1.1 at the handshake.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[settings.min_version]
        context.maximum_version = _VERSIONS[settings.max_version]
    if not settings.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _set_ciphers(context, settings)
    try:
        _load(context, settings)
        context.verify_mode = verify
        if settings.client_ca:
            context.load_verify_locations(cadata=settings.client_ca)
        elif settings.client_ca_file:
            context.load_verify_locations(cafile=settings.client_ca_file)
        elif verify is not ssl.CERT_NONE:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    except ssl.SSLError as error:
        raise BadWebFile(
            f"tls_server_config: {', '.join(settings.files()) or 'cert and key'}:"
            f" {error.reason or 'not PEM'}"
        ) from None
    if settings.client_allowed_sans is not None:
        context.allowed_sans = frozenset(settings.client_allowed_sans)
    return context


def pinned_context(settings: TlsSettings) -> ssl.SSLContext:
    """
    For a client on the same host: it trusts the server's own certificate and no other.

    The name in it is not looked at: the client asks 127.0.0.1, which hardly any certificate names.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.max_version == "TLS13":
        # There a server that asks for a certificate has greeted before it looks at it.
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.cert:
        context.load_verify_locations(cadata=settings.cert)
    else:
        context.load_verify_locations(cafile=settings.cert_file)
    return context


def names_of(certificate: object) -> set[str]:
    """The Subject Alternative Names of what `SSLSocket.getpeercert` returned."""
    if not isinstance(certificate, dict):
        return set()
    return {str(name) for _, name in certificate.get("subjectAltName", ())}


def _set_ciphers(context: ssl.SSLContext, settings: TlsSettings) -> None:
    at = "tls_server_config."
    suites = []
    for name in settings.cipher_suites:
        if name in _SUITES:
            suites.append(_SUITES[name])
        elif name not in _TLS13_SUITES:
            raise BadWebFile(f"{at}cipher_suites: unknown cipher {name!r}")
    if suites:
        context.set_ciphers(":".join(suites))
    for name in settings.curve_preferences:
        if name not in _CURVES:
            raise BadWebFile(
                f"{at}curve_preferences: unknown curve {name!r}; known are {', '.join(_CURVES)}"
            )
    if len(settings.curve_preferences) > 1:
        raise BadWebFile(f"{at}curve_preferences: this server takes one curve, or none for all")
    for name in settings.curve_preferences:
        context.set_ecdh_curve(_CURVES[name])


def _load(context: ssl.SSLContext, settings: TlsSettings) -> None:
    # The ssl module reads certificates and keys from files only; text goes through memory files.
    opened: list[int] = []

    def path(file: str, text: str) -> str:
        if file:
            return file
        fd = os.memfd_create("pem", os.MFD_CLOEXEC)
        opened.append(fd)
        os.write(fd, text.encode())
        return f"/proc/self/fd/{fd}"

    try:
        context.load_cert_chain(
            path(settings.cert_file, settings.cert), path(settings.key_file, settings.key)
        )
    finally:
        for fd in opened:
            os.close(fd)
