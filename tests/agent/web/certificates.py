"""Certificates for tests, made by the openssl command."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        if shutil.which("openssl") is None:
            pytest.skip("needs openssl")
        self._directory = directory
        directory.mkdir(exist_ok=True)
        self.own = Pair(directory / f"{name}.crt", directory / f"{name}.key")
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-days", "2"),
            *("-keyout", self.own.key, "-out", self.own.cert),
        )

    def issue(self, name: str, san: str) -> Pair:
        """A certificate signed by this authority. san: "DNS:a.example,IP:127.0.0.1"."""
        pair = Pair(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        request, extensions = self._directory / f"{name}.csr", self._directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={san}\n")
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-keyout", pair.key, "-out", request),
        )
        self._openssl(
            *("x509", "-req", "-in", request, "-CA", self.own.cert, "-CAkey", self.own.key),
            *("-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", pair.cert),
        )
        return pair

    def _openssl(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
