"""Whose log `agent logs` is to print, and where that log is: in files, or in systemd's journal."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from agent.cli.exits import ERROR, NOT_FOUND, NOT_PERMITTED
from agent.container.alive import has_cgroup
from agent.container.container import Kind
from agent.container.log_sources import LogSources
from agent.container.log_targets import find_logs, newest, runs_of
from agent.container.target import Target, parse_target
from agent.logs.file_log import FileLog
from agent.logs.journal.library import JournalUnavailable, Reader, open_journal
from agent.logs.journal.reading import JournalLog
from agent.logs.journal.source import PLACES, denied_file, journal_directory

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.container import Container
    from agent.container.log_source import LogSource

_LISTED = 10
"""Names that are shown where one is wrong, and reasons."""


class NoLog(Exception):
    """There is nothing to print: in words, a line each, and the exit code."""

    def __init__(self, code: int, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.code = code


class Finder:
    """Looks over this host once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sources = LogSources(config.paths, config.logs.files)
        self._unread: list[str] = []
        """Why somebody may be in the journal who was not found."""
        self._sure = True
        """Whether who was not found is not there, or this process may not look."""

    def container(self, text: str, *, previous: bool = False) -> FileLog | JournalLog:
        """The log of the one container that is meant. Raises NoLog, BadTarget, and OSError."""
        target = parse_target(text)
        with_files = self._sources.scan()
        everything = [*with_files, *self._sources.elsewhere()]
        found = find_logs(target, everything, self._config.paths.proc)
        if len(found) > 1:
            raise _several(text, [source.container for source in found])
        if found:
            return self._log(text, found[0], with_files, previous=previous)
        log = self._in_journal(target)
        if log is None:
            raise self._nobody(text, everything)
        if previous:
            raise NoLog(NOT_FOUND, _ONE_RUN.format(text))
        return log

    def containers(
        self, text: str, *, previous: bool = False
    ) -> tuple[list[FileLog | JournalLog], list[NoLog]]:
        """The logs of all containers that may be meant, but for sandboxes, and why some have none.
        Raises as `container`, where none has one."""
        with_files = self._sources.scan()
        everything = [*with_files, *self._sources.elsewhere()]
        found = [
            source
            for source in find_logs(parse_target(text), everything, self._config.paths.proc)
            if source.container.kind is not Kind.SANDBOX
        ]
        if len(found) < 2:
            return [self.container(text, previous=previous)], []
        logs: list[FileLog | JournalLog] = []
        without: list[NoLog] = []
        for source in found:
            try:
                logs.append(self._log(text, source, with_files, previous=previous))
            except NoLog as reason:
                without.append(reason)
        if not logs:
            raise without[0]
        return logs, without

    def _log(
        self, text: str, source: LogSource, with_files: Sequence[LogSource], *, previous: bool
    ) -> FileLog | JournalLog:
        if source.path:
            return self._files(_previous(text, source, with_files) if previous else source)
        log = self._without_file(source)
        if previous:
            raise NoLog(NOT_FOUND, _ONE_RUN.format(text))
        return log

    def names(self) -> str:
        """Who has a log in files, in words."""
        names = _names(source.container for source in self._sources.scan())
        return f"there are {_listed(sorted(names))}" if names else _NOBODY

    def unit(self, text: str) -> JournalLog:
        """What a unit of systemd's has in the journal. Raises NoLog, and OSError."""
        from agent.logs.journal.finding import find_units

        why = "units log to systemd's journal, and"
        directory = self._journal(why)
        with closing(self._open(directory, why)) as reader:
            found = find_units(reader, text)
        if not found:
            raise self._denied() or NoLog(
                NOT_FOUND, f"no unit {text!r} has an entry in the journal; `systemctl` lists units"
            )
        if len(found) > 1:
            raise _several(text, found)
        if (denied := self._denied()) is not None:
            raise denied
        return JournalLog(found[0], 0, directory)

    def _files(self, source: LogSource) -> FileLog:
        return FileLog(
            source, partial(has_cgroup, self._config.paths), partial(self._newer, source)
        )

    def _newer(self, source: LogSource) -> FileLog | None:
        runs = [
            run for run in runs_of(source, self._sources.scan()) if newest(run) > newest(source)
        ]
        return self._files(min(runs, key=newest)) if runs else None

    def _in_journal(self, target: Target) -> JournalLog | None:
        """Of a container that no runtime knows any more. None: there is none, or no journal."""
        from agent.logs.journal.finding import find_containers

        paths, wanted = self._config.paths, self._config.logs.journald
        directory = journal_directory(paths, wanted.directory)
        if directory is None or target.form != "name":
            return None
        try:
            with closing(open_journal(directory)) as reader:
                owners = find_containers(reader, target.text)
        except JournalUnavailable as error:
            self._unread.append(str(error))
            return None
        if len(owners) > 1:
            raise _several(target.text, [owner.container for owner in owners])
        if owners:
            return self._readable(JournalLog(owners[0].container, owners[0].uid, directory))
        if denied := denied_file(paths, wanted.directory):
            self._unread.append(f"{denied}: may not be read")
            self._sure = False
        return None

    def _without_file(self, source: LogSource) -> JournalLog:
        container = source.container
        driver, who = container.log_driver, container.title
        if driver in ("journald", ""):
            why = f"{who} logs to systemd's journal, and"
            if not driver:
                why = f"{who} has no log file; where it may log to systemd's journal,"
            directory = self._journal(why)
            self._open(directory, why).close()
            return self._readable(JournalLog(container, source.owner or 0, directory))
        if driver == "none":
            reason = f"{who} has the log driver none: what it writes is kept nowhere"
        elif driver in ("json-file", "local", "k8s-file"):
            reason = f"{who} has no log file (log driver {driver}): was it ever started?"
        else:
            reason = f"{who} has the log driver {driver}, which keeps nothing on this host"
        raise NoLog(NOT_FOUND, reason)

    def _journal(self, why: str) -> str:
        """The journal's directory. Raises NoLog, which begins with `why` it is needed."""
        wanted = self._config.logs.journald.directory
        directory = journal_directory(self._config.paths, wanted)
        if directory is None:
            places = " or ".join(map(self._config.paths.host, PLACES))
            raise NoLog(
                ERROR,
                f"{why} there is none in {places}; "
                "logs.journald.directory may name another place, and in a container it is to be "
                "mounted",
            )
        return directory

    def _open(self, directory: str, why: str) -> Reader:
        """The journal. Raises NoLog, which begins with `why` it is needed."""
        try:
            return open_journal(directory)
        except JournalUnavailable as error:
            raise self._denied() or NoLog(ERROR, f"{why} {error}") from None

    def _readable(self, log: JournalLog) -> JournalLog:
        """A user reads what containers of the user's own write; of root's there would be nothing,
        or only a part."""
        own = log.uid != 0 and log.uid == os.geteuid()
        denied = None if own else self._denied()
        if denied is not None:
            raise denied
        return log

    def _denied(self) -> NoLog | None:
        denied = denied_file(self._config.paths, self._config.logs.journald.directory)
        if not denied:
            return None
        return NoLog(
            NOT_PERMITTED,
            f"{denied} may not be read; try as root, or as a member of the group systemd-journal",
        )

    def _nobody(self, text: str, sources: Sequence[LogSource]) -> NoLog:
        failures = [f"  {failure}" for failure in (*self._sources.failures(), *self._unread)]
        if len(failures) > _LISTED:
            failures[_LISTED:] = [f"  and {len(failures) - _LISTED} more"]
        names = _names(source.container for source in sources)
        if self._sources.denied and not names:
            return NoLog(NOT_PERMITTED, "containers' logs may not be read; try as root", *failures)
        alike = difflib.get_close_matches(text, names, _LISTED, 0.6)
        alike = list(dict.fromkeys((*sorted(name for name in names if text in name), *alike)))
        if alike:
            hint = f"did you mean {_listed(alike)}?"
        elif names:
            hint = f"there are {_listed(sorted(names))}"
        else:
            hint = _NOBODY
        sure = self._sure and not self._sources.denied
        return NoLog(
            NOT_FOUND if sure else NOT_PERMITTED,
            f"no container with a log is {text!r}; {hint}",
            *failures,
        )


_NOBODY = "no container on this host has a log"
_ONE_RUN = (
    "{!r} has no earlier run with a log of its own (Docker, Podman and systemd keep all runs of "
    "one together)"
)


def _previous(text: str, source: LogSource, sources: Iterable[LogSource]) -> LogSource:
    earlier = [run for run in runs_of(source, sources) if newest(run) < newest(source)]
    if not earlier:
        raise NoLog(NOT_FOUND, _ONE_RUN.format(text))
    return max(earlier, key=newest)


def _several(text: str, containers: Sequence[Container]) -> NoLog:
    titles = [container.title or container.log_path for container in containers]
    width = max(map(len, titles))
    return NoLog(
        NOT_FOUND,
        f"{text!r} may be any of {len(containers)}; write one as it stands here, or its id, "
        "or --all:",
        *(
            f"  {title:<{width}}  {container.id[:12]:<12}  {container.runtime}".rstrip()
            for title, container in zip(titles, containers, strict=True)
        ),
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _names(containers: Iterable[Container]) -> list[str]:
    """What the containers are called, as a target is written; sandboxes write nothing."""
    return list(
        dict.fromkeys(c.title for c in containers if c.kind.value == "container" and c.title)
    )
