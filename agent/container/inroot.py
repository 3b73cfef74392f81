"""Finds a path inside another process' root: as that process would, and nowhere outside.

    /proc/4711/root/var/run/docker     in there /var/run is a symbolic link to /run

open() follows that link from our own root: whoever owns the container could have any file of the
host read by a link to it, and a link that is meant well leads to the wrong file. Here every part of
the path is opened by itself; a link is not followed but its text walked from that root on, and ".."
ends there. openat2 calls it RESOLVE_IN_ROOT; Python has no openat2, nor have kernels before 5.6.

No name is looked up twice, so nobody can change it in between.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import Final

_THROUGH_ROOT = re.compile(r"(.*?/[0-9]+/root)/(.*)\Z", re.DOTALL)
_MAX_LINKS: Final = 40
"""As many symbolic links as the kernel follows."""
_MAX_PARTS: Final = 256
"""Parts of a path, those of its links included; each directory on the way is open meanwhile."""
_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def through_root(path: str) -> tuple[str, str] | None:
    """(root, path in it) of a path through /proc/PID/root; None for any other."""
    match = _THROUGH_ROOT.match(path)
    return None if match is None else (match[1], match[2])


def find_in_root(root: str, path: str, *, follow: bool = True) -> int:
    """
    A descriptor (O_PATH) of what is at `path` in `root`. Raises OSError.

    follow: whether the last part may be a symbolic link that leads on.
    """
    try:
        return _walk(root, path, follow=follow)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), f"{root}/{path}") from None


def _walk(root: str, path: str, *, follow: bool) -> int:
    opened = [os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    waiting = _parts(path)
    links = walked = 0
    try:
        while waiting:
            name = waiting.pop()
            walked += 1
            if walked > _MAX_PARTS:
                raise OSError(errno.ENAMETOOLONG, "")
            if name in (".", ".."):
                if not stat.S_ISDIR(os.fstat(opened[-1]).st_mode):
                    raise OSError(errno.ENOTDIR, "")
                if name == ".." and len(opened) > 1:
                    os.close(opened.pop())
                continue
            opened.append(os.open(name, _LOOK, dir_fd=opened[-1]))
            if not stat.S_ISLNK(os.fstat(opened[-1]).st_mode) or not (waiting or follow):
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, "")
            target = os.readlink("", dir_fd=opened[-1])
            _close(opened, 1 if target.startswith("/") else len(opened) - 1)
            waiting += _parts(target)
        return opened.pop()
    finally:
        _close(opened, 0)


def _parts(path: str) -> list[str]:
    """The parts of a path, the first one last. A slash at its end says that it is a directory."""
    parts = [part for part in reversed(path.split("/")) if part]
    return [".", *parts] if path.endswith("/") else parts


def _close(opened: list[int], left: int) -> None:
    while len(opened) > left:
        os.close(opened.pop())
