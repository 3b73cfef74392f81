"""exporters/fluentd/reasons.py"""

from __future__ import annotations

import errno
import os
import ssl

import pytest

from agent.faults import told
from agent.log_destinations import FluentdDestination
from exporters.fluentd.reasons import ended, no_ack


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x16", "wants TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP server"),
        (b"\xc1garbage", r"b'\xc1garbage', which is no acknowledgement"),
    ],
)
def test_an_answer_that_is_no_acknowledgement_is_told_by_its_bytes(
    answer: bytes, words: str
) -> None:
    assert words in no_ack(answer)


def test_a_system_error_is_said_without_its_number() -> None:
    assert told(OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))) == (
        "Connection refused"
    )
    assert told(FileNotFoundError(2, "No such file or directory", "/key")) == (
        "/key: No such file or directory"
    )
    assert told(TimeoutError()) == "TimeoutError"


def test_openssls_sentence_is_said_alone() -> None:
    error = ssl.SSLCertVerificationError(
        1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed (_ssl.c:1006)"
    )
    assert told(error) == "certificate verify failed: self-signed"


def test_what_may_be_missing_is_asked_until_something_was_acknowledged() -> None:
    plain, tls = FluentdDestination(), FluentdDestination(tls=True)
    both = FluentdDestination(tls=True, cert_file="/c", key_file="/k")
    assert ended(None, plain, heard=True) == "the server closed the connection"
    assert ended(None, plain, heard=False).endswith("want TLS?")
    assert ended(None, tls, heard=False).endswith("client certificate?")
    assert ended(None, both, heard=False).endswith("before any acknowledgement")
