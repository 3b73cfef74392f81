r"""Secrets in lines replaced: "Authorization: Bearer eyJ…" → "Authorization: [redacted:bearer]".

    bearer       Bearer TOKEN, of 12 characters or more
    basic        Basic CREDENTIALS, where they are base64 of "user:password"
    aws          access key ids (AKIA…, ASIA… and their kin), and 40 characters after
                 aws_secret_access_key, secretAccessKey or SecretAccessKey
    private-key  PEM private keys, whole: also over the lines that follow, to the END line
    token        what GitHub, GitLab, Slack, Google, Stripe, npm, PyPI, SendGrid, Docker Hub and
                 others hand out: each has a beginning of its own
    password     the value after password, passwd, passphrase, pwd, api_key, client_secret or
                 access_, refresh_, auth_token with "=" or ":"; in quotes, or one word
    url          the password in scheme://user:PASSWORD@host
    jwt          header.payload.signature, both parts JSON objects in base64url
    card         13 to 19 digits, in groups or not, that begin as an issuer's and pass Luhn's check
    email        name@host.tld

Cheap where there is nothing to find: lines are looked at hundreds at a time for a literal that each
kind must contain, and a kind's expression runs only on lines that hold its literal. The expressions
take linear time, on the whole line: nothing is past a limit.

What cannot be known: a secret that an application broke over two records, or wrote in a form of its
own. After a restart in the middle of a PEM key that is written line by line, its rest is not known
for one. Filters run before redaction, on the plain text.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterable
from typing import Final

from agent.log_patterns import compile_pattern
from agent.logs.entry import Entry
from agent.records import NamedTuple

_KEY_LINES: Final = 200
"""Lines after BEGIN in which a key's END is waited for. A 16384-bit RSA key has 150."""


class _Kind(NamedTuple):
    name: str
    literals: tuple[bytes, ...]
    """One of these is in every text that fits, in small letters; () looks at every line."""
    pattern: re.Pattern[bytes]
    replace: Callable[[re.Match[bytes]], bytes]


def _mark(name: str) -> bytes:
    return b"[redacted:" + name.encode() + b"]"


def _whole(name: str) -> Callable[[re.Match[bytes]], bytes]:
    mark = _mark(name)
    return lambda _match: mark


def _after_key(name: str) -> Callable[[re.Match[bytes]], bytes]:
    """Keep the first group."""
    mark = _mark(name)
    return lambda match: match[1] + mark


def _basic(match: re.Match[bytes]) -> bytes:
    text = match[2]
    try:
        holds = b":" in b64decode(text + b"=" * (-len(text.rstrip(b"=")) % 4))
    except (binascii.Error, ValueError):
        holds = False
    return match[1] + _mark("basic") if holds else match[0]


def _card(match: re.Match[bytes]) -> bytes:
    digits = match[0].translate(None, b" -")
    return _mark("card") if _is_issued(digits) and luhn(digits) else match[0]


def _is_issued(digits: bytes) -> bool:
    """Visa, Mastercard, American Express, Diners, Discover and the others under 6, JCB."""
    length, first, two = len(digits), digits[:1], int(digits[:2])
    if first == b"4":
        return length in (13, 16, 19)
    if 51 <= two <= 55 or 22 <= two <= 27:
        return length == 16
    if two in (34, 37):
        return length == 15
    if two in (30, 36, 38, 39):
        return length in (14, 16)
    if two == 35:
        return length == 16
    return first == b"6" and 16 <= length <= 19


def luhn(digits: bytes) -> bool:
    """Whether the last digit is Luhn's check digit of the others."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = digit - 48
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


_BEGIN_KEY: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END_KEY: Final = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")

_BUILT_IN: Final = {
    "bearer": _Kind(
        "bearer",
        (b"bearer ",),
        re.compile(rb"(?i:\b(bearer ) *)[A-Za-z0-9._~+/=-]{12,}"),
        _after_key("bearer"),
    ),
    "basic": _Kind(
        "basic", (b"basic ",), re.compile(rb"(?i:\b(basic ) *)([A-Za-z0-9+/]{4,}={0,2})"), _basic
    ),
    "aws": _Kind(
        "aws",
        (
            *(b"akia", b"asia", b"agpa", b"aida", b"aroa", b"anpa", b"anva", b"aipa"),
            *(b"secret_access_key", b"secretaccesskey"),
        ),
        re.compile(
            rb"((?i:secret_?access_?key)[\"']?\s{0,3}[:=]?\s{0,3}[\"']?)"
            rb"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
            rb"|\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|AIPA)[A-Z0-9]{16}\b"
        ),
        lambda match: (match[1] or b"") + _mark("aws"),
    ),
    "url": _Kind(
        "url",
        (b"://",),
        re.compile(rb"(://[^\s/:@\"']{0,64}:)(?!\[redacted)[^\s/@\"']{1,256}(?=@)"),
        _after_key("url"),
    ),
    "token": _Kind(
        "token",
        (
            *(b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"_pat_", b"glpat-", b"xox", b"aiza"),
            *(b"k_live_", b"npm_", b"pypi-agei", b"sg.", b"hf_", b"sk-ant-", b"sk-proj-"),
        ),
        re.compile(
            rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"
            rb"|glpat-[A-Za-z0-9_-]{20,64}|xox[abeoprs]-[A-Za-z0-9-]{10,255}"
            rb"|AIza[A-Za-z0-9_-]{35}|[rs]k_live_[A-Za-z0-9]{16,128}|npm_[A-Za-z0-9]{36}"
            rb"|pypi-AgEI[A-Za-z0-9_-]{50,255}|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}"
            rb"|dckr_pat_[A-Za-z0-9_-]{20,64}|hf_[A-Za-z0-9]{30,64}"
            rb"|sk-(?:ant|proj)-[A-Za-z0-9_-]{20,255})"
        ),
        _whole("token"),
    ),
    "jwt": _Kind(
        "jwt",
        (b"eyj",),
        # Not within a longer word: each character is looked at once.
        re.compile(
            rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
        ),
        _whole("jwt"),
    ),
    "card": _Kind(
        "card",
        (),  # Not within a digest or a fraction.
        re.compile(rb"(?<![0-9.A-Fa-f])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![0-9A-Fa-f])"),
        _card,
    ),
    "email": _Kind(
        "email",
        (b"@",),
        re.compile(
            rb"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@"
            rb"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z]{2,24}\b"
        ),
        _whole("email"),
    ),
    # The last one: what has a kind of its own is told by that.
    "password": _Kind(
        "password",
        (b"passw", b"passphrase", b"pwd", b"api_key", b"apikey", b"api-key", b"secret", b"token"),
        re.compile(
            rb"((?i:pass(?:word|wd|phrase)|pwd|api[_-]?key|client[_-]?secret"
            rb"|(?:access|refresh|auth)[_-]?token)\\?[\"']?\s{0,3}[:=]\s{0,3}(?:\\?([\"']))?)"
            rb"(?!\\?[\"']?\[redacted)(?(2)(?:(?!\\?\2).){1,512}|[^\s\"',;&)\]}]{1,512})"
        ),
        _after_key("password"),
    ),
}


class Redactor:
    """Redaction of one container's lines."""

    def __init__(self, kinds: Iterable[str], own: Iterable[str] = ()) -> None:
        """kinds: `agent.log_rules.KINDS`, all of them that are wanted. own: "NAME=EXPRESSION"."""
        wanted = set(kinds)
        # The longer ones first: a token in a header is one secret, not two.
        self._kinds = [kind for name, kind in _BUILT_IN.items() if name in wanted]
        for text in own:
            name, _equals, pattern = text.partition("=")
            compiled = compile_pattern(pattern)
            self._kinds.append(_Kind(name, (), compiled, _whole(name)))
        self._keys = "private-key" in wanted
        self._open_keys: dict[str, int] = {}
        """Stream in the middle of a key → lines it may still have."""
        self.count = 0
        """Secrets replaced so far."""

    def redact(self, entries: list[Entry]) -> list[Entry]:
        """Return the same entries without their secrets."""
        together = b"\n".join([entry[2] for entry in entries])
        lowered = together.lower()
        keys = self._keys and (bool(self._open_keys) or b"private key" in lowered)
        kinds = [
            kind
            for kind in self._kinds
            if (
                any(literal in lowered for literal in kind.literals)
                if kind.literals
                else kind.pattern.search(together) is not None
            )
        ]
        if not kinds and not keys:
            return entries
        return [self._entry(entry, kinds, keys) for entry in entries]

    def _entry(self, entry: Entry, kinds: list[_Kind], keys: bool) -> Entry:
        before = content = entry[2]
        if keys:
            content = self._without_keys(entry[1], content)
        lowered = content.lower()
        for kind in kinds:
            if not kind.literals or any(literal in lowered for literal in kind.literals):
                content = self._replaced(kind, content)
        return entry if content is before else (*entry[:2], content, *entry[3:])

    def _replaced(self, kind: _Kind, content: bytes) -> bytes:
        changed = kind.pattern.sub(kind.replace, content)
        if changed == content:
            return content
        self.count += changed.count(_mark(kind.name)) - content.count(_mark(kind.name)) or 1
        return changed

    def _without_keys(self, stream: str, content: bytes) -> bytes:
        """Take out a key, or the part of one that this record has."""
        out: list[bytes] = []
        mark = _mark("private-key")
        left = self._open_keys.pop(stream, 0)
        at = 0
        if left:
            end = _END_KEY.search(content)
            if end is None:
                if left > 1:
                    self._open_keys[stream] = left - 1
                return mark
            out.append(mark)
            at = end.end()
        while (begin := _BEGIN_KEY.search(content, at)) is not None:
            out += (content[at : begin.start()], mark)
            self.count += 1
            end = _END_KEY.search(content, begin.end())
            if end is None:
                self._open_keys[stream] = _KEY_LINES
                return b"".join(out)
            at = end.end()
        return b"".join((*out, content[at:])) if out else content
