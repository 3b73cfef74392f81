"""TLS to a server, from files that are read for each connection."""

from __future__ import annotations

import ssl
from typing import Protocol


class TlsFiles(Protocol):
    """The certificates."""

    @property
    def ca_file(self) -> str: ...
    @property
    def cert_file(self) -> str: ...
    @property
    def key_file(self) -> str: ...


def tls(files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 or later to a server whose certificate and name are checked. Raises OSError, which
    names the file."""
    try:
        context = ssl.create_default_context(cafile=files.ca_file or None)
    except OSError as error:
        raise _named(error, files.ca_file) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.cert_file:
        try:
            context.load_cert_chain(files.cert_file, files.key_file)
        except OSError as error:
            raise _named(error, f"{files.cert_file}, {files.key_file}") from None
    return context


def _named(error: OSError, files: str) -> OSError:
    return OSError(error.errno, error.strerror or str(error), files)
