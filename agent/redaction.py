"""Secrets in texts that a person hands on: command lines, labels, evidence. Pure.

    text("--db=postgres://app:hunter2@db/shop")     "--db=postgres://app:[redacted]@db/shop"
    arguments(["--password", "hunter2", "-v"])      ["--password", "[redacted]", "-v"]

Redacted is what the log filters know (bearer and basic credentials, AWS keys, private keys,
vendors' tokens, JWT), and

    a value after a name that says so      password=…, --api-key …, SECRET: …
    the password in a URL                  scheme://user:…@host
    a long random word                     32 characters or more of small and capital letters and
                                           digits; hexadecimal ids, digests and paths stay

What cannot be known: a secret that looks like a word. Nothing here makes a text safe to publish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from agent.logs.processing.redact import Redactor

MARK: Final = "[redacted]"

_NAME: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credentials?|auth(?:orization)?"
)
_NAMED: Final = re.compile(
    rf"(?i)((?:^|[^a-z])(?:[a-z0-9]*[-_.])*(?:{_NAME})(?:[-_.][a-z0-9]+)*[\"']?\s?[=:]\s?[\"']?)"
    r"(?!\[redacted)[^\s\"',;&]+"
)
_FLAG: Final = re.compile(rf"(?i)--?(?:[a-z0-9]+[-_.])*(?:{_NAME})(?:[-_.][a-z0-9]+)*\Z")
_USERINFO: Final = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
_WORD: Final = re.compile(r"(?<![A-Za-z0-9+_/=.-])[A-Za-z0-9+_=-]{32,}(?![A-Za-z0-9+_/=.-])")
_KINDS: Final = ("bearer", "basic", "aws", "token", "jwt", "private-key")


def text(written: str) -> str:
    """`written` without what looks like a secret; itself where nothing does."""
    if len(written) < 4:
        return written
    data = written.encode("utf-8", "surrogatepass")
    ((_, _, found, *_),) = Redactor(_KINDS).redact([(0, "", data, None, False)])
    if found is not data:  # bytes of a name that are no UTF-8 are surrogates in it
        written = found.decode("utf-8", "surrogatepass")
    written = _USERINFO.sub(rf"\1{MARK}@", written)
    written = _NAMED.sub(rf"\1{MARK}", written)
    return _WORD.sub(_random, written)


def arguments(args: Iterable[str]) -> list[str]:
    """A command line, also where a secret is the argument after its option."""
    return list(_arguments(args))


def _arguments(args: Iterable[str]) -> Iterator[str]:
    after_flag = False
    for arg in args:
        if after_flag and not arg.startswith("-"):
            yield MARK
        else:
            yield text(arg)
        after_flag = _FLAG.match(arg) is not None


def _random(match: re.Match[str]) -> str:
    word = match[0]
    kinds = (str.islower, str.isupper, str.isdigit)
    return MARK if all(any(is_kind(one) for one in word) for is_kind in kinds) else word
