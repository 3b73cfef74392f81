"""A filter text, taken apart from the left: words, quoted text, operators, brackets. No meaning.

A word ends at a space, a bracket, a quote or an operator. A value, which follows an operator, ends
at a space or at a bracket that it did not open itself: `name~^(a|b)$`.
"""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"(?:[^\s()\"'=<>~!]|!(?![=~]))+")
_OPERATOR: Final = re.compile(r"!=|!~|>=|<=|=|~|>|<")
_QUOTES: Final = "\"'"


class Scanner:
    """A position in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0
        """Of the next character."""
        self.skip_space()

    def skip_space(self) -> None:
        """Go on to what is not space."""
        match = _SPACE.match(self._text, self.position)
        assert match is not None
        self.position = match.end()

    @property
    def at_end(self) -> bool:
        """Whether nothing follows but space."""
        self.skip_space()
        return self.position >= len(self._text)

    @property
    def quoted_next(self) -> bool:
        """Whether quoted text follows."""
        self.skip_space()
        return self._text[self.position : self.position + 1] in _QUOTES and not self.at_end

    def peek(self, sign: str) -> bool:
        """Whether `sign` follows."""
        self.skip_space()
        return self._text.startswith(sign, self.position)

    def take(self, sign: str) -> bool:
        """Pass `sign`, if it follows."""
        if not self.peek(sign):
            return False
        self.position += len(sign)
        return True

    def word(self) -> str:
        """The word that follows, or ""."""
        self.skip_space()
        match = _WORD.match(self._text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def next_word_is(self, word: str) -> bool:
        """Whether this word follows, alone: not as the name in a comparison."""
        at = self.position
        found = self.word_is(word)
        self.position = at
        return found

    def word_is(self, word: str) -> bool:
        """Pass this word, if it follows, in any case, and nothing compares it."""
        at = self.position
        if self.word().casefold() == word and self.operator() is None:
            return True
        self.position = at
        return False

    def operator(self) -> str | None:
        """The operator that follows, passed; None where none does."""
        self.skip_space()
        match = _OPERATOR.match(self._text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[0]

    def quoted(self) -> str | None:
        """Text in quotes, passed; None where the second quote is missing."""
        quote = self._text[self.position]
        end = self._text.find(quote, self.position + 1)
        if end < 0:
            return None
        text = self._text[self.position + 1 : end]
        self.position = end + 1
        return text

    def value(self) -> str:
        """What follows an operator, up to a space or a bracket it did not open."""
        start, opened = self.position, 0
        while self.position < len(self._text):
            sign = self._text[self.position]
            if sign.isspace() or (sign == ")" and not opened):
                break
            opened += {"(": 1, ")": -1}.get(sign, 0)
            self.position += 1
        return self._text[start : self.position]
