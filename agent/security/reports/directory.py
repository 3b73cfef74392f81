"""A directory of scan reports: which files are there, and what each says.

A file is read when it is new or its modification time, size or inode changed; a listing costs a
stat a file. Reading is a child's work (`reader`). A file that cannot be read is named with its
problem and loses nothing else; the child's death is put on the file it died of, and the others are
read by another child.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from agent.records import NamedTuple
from agent.security.reports.reader import decode_answer
from agent.security.reports.report import ImageReport

MAX_FILES: Final = 10_000
"""Reports of one directory. A host runs some hundreds of images."""
_SECONDS: Final = 120.0
"""For one child to read everything that changed."""

Answer = ImageReport | str
"""A report, or why there is none."""
Read = Callable[[Sequence[str]], Mapping[str, Answer]]


class _Seen(NamedTuple):
    mtime_ns: int
    size: int
    inode: int


class ReportDirectory:
    """What the `*.json` files of one directory say. One thread."""

    def __init__(self, path: str, read: Read | None = None) -> None:
        """`read` answers for each of some paths."""
        self._path = path
        self._read = read if read is not None else read_in_children
        self._known: dict[str, tuple[_Seen, Answer]] = {}
        self._problem = ""

    def refresh(self) -> None:
        """List the directory, and read what changed. Raises nothing: see `problems`."""
        try:
            files, self._problem = self._list(), ""
        except OSError as error:
            # What was known stays: a share that is away for a moment is no news of the images.
            self._problem = f"{self._path}: {error.strerror}"
            return
        changed = [
            path
            for path, seen in files.items()
            if path not in self._known or self._known[path][0] != seen
        ]
        answers = self._read(changed) if changed else {}
        self._known = {
            path: (seen, answers[path] if path in answers else self._known[path][1])
            for path, seen in files.items()
            if path in answers or path in self._known
        }

    def reports(self) -> tuple[ImageReport, ...]:
        """Every report, by file name."""
        return tuple(
            answer for _, (_, answer) in sorted(self._known.items()) if not isinstance(answer, str)
        )

    def problems(self) -> tuple[str, ...]:
        """What could not be read, with its name."""
        named = [
            f"{path}: {answer}"
            for path, (_, answer) in sorted(self._known.items())
            if isinstance(answer, str)
        ]
        return tuple([self._problem] if self._problem else []) + tuple(named)

    def _list(self) -> dict[str, _Seen]:
        files: dict[str, _Seen] = {}
        with os.scandir(self._path) as entries:
            for entry in entries:
                if not entry.name.endswith(".json") or entry.name.startswith("."):
                    continue
                try:
                    found = entry.stat()
                except FileNotFoundError:
                    continue  # removed meanwhile, or a link to nowhere
                if len(files) >= MAX_FILES:
                    raise OSError(0, f"more than {MAX_FILES} reports in it", self._path)
                files[entry.path] = _Seen(found.st_mtime_ns, found.st_size, found.st_ino)
        return files


def read_in_children(paths: Sequence[str]) -> dict[str, Answer]:
    """Let children read `paths`. An answer for each of them."""
    answers: dict[str, Answer] = {}
    left = []
    for path in paths:
        if "\n" in path or not _is_text(path):
            answers[path] = "its name is no text of one line"
        else:
            left.append(path)
    while left:
        found, how = _read_in_child(left)
        answers.update(found)
        left = [path for path in left if path not in answers]
        if left:
            answers[left[0]] = f"the reader did not survive it: {how}"
            left = left[1:]
    return answers


def _read_in_child(paths: Sequence[str]) -> tuple[dict[str, Answer], str]:
    """What one child answered, and how it ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.security.reports.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            out, _ = process.communicate("".join(f"{path}\n" for path in paths).encode(), _SECONDS)
            how = f"status {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            how = f"not within {_SECONDS:g} s"
    return dict(_decoded(out.split(b"\n"))), how


def _decoded(lines: Iterable[bytes]) -> Iterable[tuple[str, Answer]]:
    for line in lines:
        # The last one is torn where the child died.
        if line.endswith(b"}"):
            yield decode_answer(line)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
