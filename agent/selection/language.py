"""The filter language: which containers a text keeps. Pure.

    web                      name, image, runtime or cgroup path contains it, or the id starts so
    ns=shop  name=api-*      a field is it, in any case; * and ? stand for anything
    image~'^docker\\.io/'     a field fits a regular expression, in any case
    cpu>1  mem.of_limit>90   a field is larger; numbers as `quantity.py` says
    mem.limit=none           there is no limit
    a b    a and b           both                   !a   not a      not
    a or b                   either; binds less     ( )             group
    "a b"  'a=b'             text with what would else mean something

A comparison with what is not known is neither true nor false, nor is its negation: neither `mem>1G`
nor `!mem>1G` keeps a container whose memory may not be read. Text that is absent is empty text, and
no limit is no number: `!cpu.of_limit>90` keeps what has no CPU limit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from agent.records import dataclass
from agent.selection.comparison import (
    Test,
    compare_number,
    compare_text,
    contains,
    every,
    negated,
    one_of,
)
from agent.selection.field import Unit
from agent.selection.fields import NoSuchField, find_field
from agent.selection.item import Item
from agent.selection.scan import Scanner

_MOST_DEEP: Final = 50
"""Brackets and negations in each other; more is no person's."""


class BadSelection(ValueError):
    """A text that is no filter: `position` is where it stops being one, in characters."""

    def __init__(self, text: str, position: int, message: str) -> None:
        super().__init__(f"{message}\n  {text}\n  {' ' * position}^")
        self.text = text
        self.position = position
        self.message = message


@dataclass(frozen=True, slots=True)
class Selection:
    """A parsed filter."""

    text: str
    _test: Test

    def keeps(self, item: Item) -> bool:
        """Whether it is known to fit."""
        return self._test(item) is True


@lru_cache(maxsize=64)
def parse_selection(text: str) -> Selection:
    """Parse a filter; an empty one keeps everything. Raises BadSelection."""
    parser = _Parser(text)
    return Selection(text, parser.parse() if text.strip() else lambda _: True)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._scan = Scanner(text)
        self._deep = 0

    def parse(self) -> Test:
        test = self._either()
        if not self._scan.at_end:
            raise self._bad("this bracket closes nothing")
        return test

    def _either(self) -> Test:
        tests = [self._all()]
        while self._scan.word_is("or"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else one_of(tests)

    def _all(self) -> Test:
        tests = [self._not()]
        while not (self._scan.at_end or self._scan.peek(")") or self._scan.next_word_is("or")):
            self._scan.word_is("and")
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else every(tests)

    def _not(self) -> Test:
        self._deep += 1
        if self._deep > _MOST_DEEP:
            raise self._bad("too many brackets and negations in each other")
        try:
            if self._scan.take("!") or self._scan.word_is("not"):
                return negated(self._not())
            return self._term()
        finally:
            self._deep -= 1

    def _term(self) -> Test:
        scan = self._scan
        if scan.at_end:
            raise self._bad("something must follow")
        if scan.take("("):
            test = self._either()
            if not scan.take(")"):
                raise self._bad("a closing bracket is missing")
            return test
        at = scan.position
        if scan.quoted_next:
            return contains(self._quoted())
        word = scan.word()
        if not word:
            raise self._bad("a word or a field was expected here")
        if word.casefold() in ("and", "or"):
            raise BadSelection(self._text, at, f"something must stand before {word!r}")
        operator = scan.operator()
        return contains(word) if operator is None else self._comparison(word, at, operator)

    def _comparison(self, name: str, at: int, operator: str) -> Test:
        try:
            field = find_field(name)
        except NoSuchField as error:
            raise BadSelection(self._text, at, str(error)) from None
        self._scan.skip_space()
        value_at = self._scan.position
        value = self._quoted() if self._scan.quoted_next else self._scan.value()
        try:
            if field.unit is Unit.TEXT:
                test = compare_text(field, operator, value)
            else:
                test = compare_number(field, operator, value)
        except ValueError as error:
            raise BadSelection(self._text, value_at, str(error)) from None
        return test

    def _quoted(self) -> str:
        at = self._scan.position
        value = self._scan.quoted()
        if value is None:
            raise BadSelection(self._text, at, "the closing quote is missing")
        return value

    def _bad(self, message: str) -> BadSelection:
        self._scan.skip_space()
        return BadSelection(self._text, self._scan.position, message)
