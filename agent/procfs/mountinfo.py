"""/proc/PID/mountinfo: every mount that process sees.

Docs    https://docs.kernel.org/filesystems/proc.html#proc-pid-mountinfo-information-about-mounts

    36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    id parent dev root mount_point options fields… - fs_type source super_options

Space, tab, newline and backslash in a path are written as \\040, \\011, \\012 and \\134.
"""

from __future__ import annotations

import re

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class Mount(NamedTuple):
    """One mount, paths decoded."""

    mount_id: int
    device: tuple[int, int]
    """(major, minor) as stat's st_dev has it for files on this filesystem."""
    root: str
    """Which directory of the filesystem is mounted: "/" for all of it, longer for a bind mount.
    Not always a path: "net:[4026531833]" for a namespace."""
    mount_point: str
    """As seen from the root of the process whose file this is."""
    fs_type: str
    options: str
    """Of this mount, comma separated: "rw,nosuid,relatime"."""
    super_options: str
    """Of the filesystem: "rw,cpu,cpuacct" for cgroup v1."""
    peer_group: int | None = None
    """N of "shared:N": mounts made below this one appear in all mounts of the group. None: it is
    not shared, though it may still receive ("master:N")."""
    source: str = ""
    """"/dev/sda1", "server:/export"; for tmpfs and the like any word."""


_OCTAL = re.compile(r"\\([01][0-7]{2})")


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """Parse every line; one that does not have the fields of the documentation is refused."""
    return tuple(_parse_mount(line) for line in text.split("\n") if line)


def _parse_mount(line: str) -> Mount:
    # Split at single spaces: a source may be empty, and other white space is part of a path.
    before, separator, after = line.partition(" - ")
    fields = before.split(" ")
    try:
        if not separator:
            raise ValueError
        mount_id, _parent, device, root, mount_point, options = fields[:6]
        shared = next((word[7:] for word in fields[6:] if word.startswith("shared:")), None)
        fs_type, source, super_options = after.split(" ", 2)
        major, minor = device.split(":")
        return Mount(
            int(mount_id),
            (int(major), int(minor)),
            decode(root),
            decode(mount_point),
            fs_type,
            options,
            super_options,
            None if shared is None else int(shared),
            decode(source),
        )
    except ValueError:
        raise UnexpectedText(line) from None


def decode(path: str) -> str:
    """Undo the kernel's octal escapes: "\\040" is a space."""
    if "\\" not in path:
        return path
    return _OCTAL.sub(lambda escape: chr(int(escape[1], 8)), path)
