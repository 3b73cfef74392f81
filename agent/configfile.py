"""agent.toml, AGENT_* variables and --set into one Config; every mistake is told at once.

    [metrics]
    listen = "127.0.0.1:9464"

    [[logs.destination]]
    type = "fluentd"
    host = "10.0.0.7"

Order: --set beats AGENT_SECTION_KEY (AGENT_METRICS_LISTEN) beats the file beats the defaults in
`agent.config`. A variable or --set carries text for a key that takes text, and a TOML value for
any other. Keys are the fields of the dataclasses there: a new field is a new key here.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar

from agent.config import Config
from agent.config_lines import key_lines
from agent.file_destination import FileDestination
from agent.records import hints, is_record

S = TypeVar("S")

PREFIX = "AGENT_"
_DESTINATION, _LOG_RULE = object(), object()
_LOG_SECTIONS: Mapping[str, object] = {"Destination": _DESTINATION, "LogRule": _LOG_RULE}
"""For types that a section names and does not load. They are loaded where one is written down."""
_NAMES: Mapping[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


class ConfigError(ValueError):
    """Everything that is wrong with a configuration, one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class _Refused(Exception):
    """One value that its key does not take."""


def load(
    path: str | None = None,
    environment: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
) -> Config:
    """
    Read `path`, lay `environment` and `settings` ("metrics.listen=HOST:PORT") over it.

    Raises ConfigError with every problem found, and OSError where `path` cannot be read.
    """
    return load_with_origins(path, environment, settings)[0]


def load_with_origins(
    path: str | None = None,
    environment: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
) -> tuple[Config, Origins]:
    """As `load`, and where each value comes from."""
    table: dict[str, object] = {}
    written = ""
    if path is not None:
        with open(path, "rb") as file:
            try:
                # As tomllib does: a line ends as it was written.
                written = file.read().decode().replace("\r\n", "\n")
                table = tomllib.loads(written)
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigError([f"{path}: this is not TOML: {error}"]) from None
    problems: list[str] = []
    overrides: dict[str, str] = {}
    for origin, key, text in _overrides(environment or {}, settings, problems):
        _lay_over(table, key, text)
        overrides[key] = origin
    origins = Origins(path, written, overrides)
    config = _Section(origins, problems).read(Config, table, "")
    if problems:
        raise ConfigError(problems)
    return config, origins


class Origins:
    """Where values come from: "--set metrics.listen", "environment AGENT_…", "agent.toml:3"."""

    def __init__(self, path: str | None, written: str, overrides: Mapping[str, str]) -> None:
        self._path = path
        self._written = written
        self._overrides = overrides
        self._lines: Mapping[str, int] | None = None

    def of(self, key: str) -> str:
        """Of one value; "default" where nobody says it."""
        if key in self._overrides:
            return self._overrides[key]
        line = self._line(key)
        return "default" if line is None else f"{self._path}:{line}"

    def near(self, key: str) -> str:
        """The nearest place to look at for a mistake in `key`: its own, its section's, the file."""
        while key:
            origin = self.of(key)
            if origin != "default":
                return origin
            key = key.rpartition(".")[0]
        return self._path or "built-in defaults"

    def _line(self, key: str) -> int | None:
        if self._lines is None:
            self._lines = key_lines(self._written)
        return self._lines.get(key)


def keys() -> tuple[str, ...]:
    """Every key a file, a variable or --set may name: "metrics.listen"."""
    return tuple(_keys(Config, ""))


def _keys(section: type, prefix: str) -> Iterable[str]:
    for name, kind in hints(section, _LOG_SECTIONS).items():
        if is_record(kind):
            yield from _keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _overrides(
    environment: Mapping[str, str], settings: Sequence[str], problems: list[str]
) -> Iterable[tuple[str, str, str]]:
    """(origin, key, text) in rising order of precedence."""
    known = {PREFIX + key.upper().replace(".", "_"): key for key in keys()}
    # Other programs have AGENT_… variables too (build agents, a Kubernetes service of that name):
    # only what is meant for us can be wrong.
    sections = tuple({f"{name.rsplit('_', name.count('_') - 1)[0]}_" for name in known})
    telling = (PREFIX, *(section.removeprefix("AGENT") for section in sections))
    for name, text in sorted(environment.items()):
        if name in known:
            yield f"environment {name}", known[name], text
        elif name.startswith(sections) or (
            any(part in name for part in telling) and difflib.get_close_matches(name, known, 1, 0.8)
        ):
            problems.append(f"environment {name}: unknown variable{_nearest(name, known)}")
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            problems.append(f"--set {setting}: write KEY=VALUE")
        elif key not in known.values():
            problems.append(f"--set {setting}: unknown key {key!r}{_nearest(key, known.values())}")
        else:
            yield f"--set {key}", key, text


def _lay_over(table: dict[str, object], key: str, text: str) -> None:
    *sections, name = key.split(".")
    for section in sections:
        inner = table.get(section)
        if not isinstance(inner, dict):
            inner = table[section] = {}
        table = inner
    table[name] = _FromText(text)


class _FromText(str):
    """A value given as text, by a variable or --set."""

    __slots__ = ()

    def value(self) -> object:
        """The TOML value it spells; itself where it spells none."""
        try:
            return tomllib.loads(f"value = {self}")["value"]
        except tomllib.TOMLDecodeError:
            return str(self)


class _Section:
    """Turns tables into the dataclasses of `agent.config`; notes each problem and goes on."""

    def __init__(self, origins: Origins, problems: list[str]) -> None:
        self._origins = origins
        self._problems = problems

    def read(self, section: type[S], table: Mapping[str, object], prefix: str) -> S:
        kinds = hints(section, _LOG_SECTIONS)
        values: dict[str, object] = {}
        for name, value in table.items():
            key = prefix + name
            if name not in kinds:
                where = self._origins.near(key)
                self._problems.append(f"{where}: unknown key {key!r}{_nearest(name, kinds)}")
                continue
            kind = kinds[name]
            try:
                if is_record(kind):
                    if not isinstance(value, dict):
                        raise _Refused(f"is a section, write [{key}]")
                    values[name] = self.read(kind, value, f"{key}.")
                else:
                    values[name] = self._value(kind, value, key)
            except _Refused as refusal:
                where = self._origins.near(key)
                self._problems.append(f"{where}: {key} = {_quote(value)}: {refusal}")
        try:
            return section(**values)
        except ValueError as refusal:
            section_name = prefix.rstrip(".")
            where = self._origins.near(section_name)
            self._problems.append(f"{where}: [{section_name}] {refusal}")
            return section()

    def _value(self, kind: object, value: object, key: str) -> object:
        if isinstance(value, _FromText):
            value = str(value) if kind is str else value.value()
        origin = typing.get_origin(kind)
        if origin is tuple:
            return self._list(typing.get_args(kind)[0], value, key)
        if origin is Literal:
            choices = typing.get_args(kind)
            if value not in choices:
                raise _Refused(f"must be one of {', '.join(map(repr, choices))}")
            return value
        if kind is float and type(value) is int:
            return float(value)
        # bool is an int to isinstance, and not to the person who wrote the file.
        if type(value) is not kind:
            raise _Refused(f"must be {_NAMES[kind]}")
        return value

    def _list(self, kind: object, value: object, key: str) -> tuple[object, ...]:
        if isinstance(value, dict) and (kind in (_DESTINATION, _LOG_RULE) or is_record(kind)):
            raise _Refused(f"each one is a section, write [[{_without_numbers(key)}]]")
        if not isinstance(value, list):
            raise _Refused('must be a list, as in ["a", "b"]')
        if kind is _DESTINATION:
            return tuple(self._destination(item, f"{key}[{i}]") for i, item in enumerate(value))
        if kind is _LOG_RULE and value:
            from agent.log_rules import LogRule

            kind = LogRule
        if is_record(kind):
            return tuple(self._row(kind, item, f"{key}[{i}]") for i, item in enumerate(value))
        return tuple(self._value(kind, item, key) for item in value)

    def _row(self, kind: type, table: object, key: str) -> object:
        if not isinstance(table, dict):
            raise _Refused(f"each one is a section, write [[{_without_numbers(key)}]]")
        return self.read(kind, table, f"{key}.")

    def _destination(self, table: object, key: str) -> object:
        if not isinstance(table, dict):
            raise _Refused("each destination is a section, write [[logs.destination]]")
        kind = str(table.get("type", ""))
        if kind == "file":
            return self.read(FileDestination, table, f"{key}.")
        from agent.log_destinations import DESTINATIONS

        if kind not in DESTINATIONS:
            hint = f"; did you mean {near[0]!r}?" if (near := _close(kind, DESTINATIONS)) else ""
            raise _Refused(f"type must be one of {', '.join(DESTINATIONS)}{hint}")
        return self.read(DESTINATIONS[kind], table, f"{key}.")


def _without_numbers(key: str) -> str:
    return re.sub(r"\[[0-9]+\]", "", key)


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    if close := _close(name, known):
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(sorted(known))}" if len(known) <= 12 else ""


def _close(name: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)


def _quote(value: object) -> str:
    return repr(str(value)) if isinstance(value, _FromText) else repr(value)
