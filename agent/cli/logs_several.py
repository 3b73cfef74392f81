"""Prints several containers' records: what there is in the order of their times, and then what
comes as it comes, each line with its container's name."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from heapq import merge
from itertools import groupby, islice, repeat
from operator import itemgetter
from typing import Final

from agent.cli.logs_printing import (
    POLL,
    Following,
    Log,
    Out,
    Printer,
    Reading,
    Wanted,
    everything,
    first,
)
from agent.logs.entry import Entry
from agent.logs.faults import FaultLog

_TOGETHER: Final = 256
"""Records of one container that are printed at once."""


def show_several(
    logs: Sequence[Log],
    wanted: Wanted,
    *,
    follow: bool,
    as_json: bool,
    timestamps: bool,
    out: Out | None = None,
    stop: Callable[[], bool] = lambda: False,
    complain: Callable[[str], object] | None = None,
) -> None:
    """As `logs_printing.show`, for several; `wanted.last` is of each."""
    width = max(len(log.container.title) for log in logs)
    printer = Printer(out or sys.stdout.buffer, as_json=as_json, timestamps=timestamps, width=width)
    faults = FaultLog(complain or sys.stderr.write, time.monotonic, time.time)
    with ExitStack() as stack:
        following: list[Following] = []
        histories = []
        for log in logs:
            reader, records = _history(log, wanted, faults, finish=not follow)
            following.append(stack.enter_context(closing(Following(log, reader, wanted, faults))))
            histories.append(records)
        _print_merged(histories, following, printer)
        while follow and following and not stop():
            for one in following:
                for entries in one.step():
                    printer.begin(one.log.container)
                    printer.put(entries)
            if not any(one.came for one in following):
                time.sleep(POLL)
            following = [one for one in following if not one.over]


def _history(
    log: Log, wanted: Wanted, faults: FaultLog, *, finish: bool
) -> tuple[Reading, Iterator[Entry]]:
    if wanted.last is not None:
        reader, kept = first(log, wanted, faults, lambda _entries: None, finish=finish)
        return reader, iter(kept)
    reader, _more = log.open(faults, lines=None, since_ns=wanted.since_ns)
    return reader, _wanted_of(reader, wanted, finish=finish)


def _wanted_of(reader: Reading, wanted: Wanted, *, finish: bool) -> Iterator[Entry]:
    for entries in everything(reader, finish=finish):
        yield from (entry for entry in entries if wanted.fits(entry))


def _print_merged(
    histories: Sequence[Iterable[Entry]], following: Sequence[Following], printer: Printer
) -> None:
    numbered = [zip(entries, repeat(number)) for number, entries in enumerate(histories)]
    inorder = merge(*numbered, key=lambda item: item[0][0])
    for number, run in groupby(inorder, key=itemgetter(1)):
        printer.begin(following[number].log.container)
        while some := [entry for entry, _number in islice(run, _TOGETHER)]:
            printer.put(some)
