"""/proc/PID/status and uid_map: as whom a process runs, and what it may do.

Docs    https://docs.kernel.org/filesystems/proc.html#process-specific-subdirectories
        https://man7.org/linux/man-pages/man7/user_namespaces.7.html (uid_map)

    status   Uid:\t0\t0\t0\t0               real, effective, saved, filesystem
             NSpid:\t6846\t1               its pid in each pid namespace, from the reader's inwards
             CapEff:\t00000000a80425fb     bit N is capability N
             CapBnd:\t00000000a80425fb
             NoNewPrivs:\t0                since Linux 4.10
             Seccomp:\t2                   0 off, 1 strict, 2 filter
    uid_map           0     100000      65536
             first inside, first outside, how many

Both may be read without CAP_SYS_PTRACE.
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class Credentials(NamedTuple):
    """The lines of /proc/PID/status that say what it may do. None: a kernel without that line."""

    uid: int
    """Effective, as the reader's user namespace numbers it."""
    gid: int
    pid_namespaces: int | None
    """How many pid namespaces it is in, counted from the reader's: 1 is the same one."""
    effective: int
    """CapEff as a bit mask."""
    bounding: int
    no_new_privileges: bool | None
    seccomp: int | None
    seccomp_filters: int | None
    """Since Linux 5.9."""


class IdRange(NamedTuple):
    """One line of uid_map."""

    inside: int
    outside: int
    size: int


WHOLE_RANGE = IdRange(0, 0, 4294967295)
"""What the host's own user namespace has."""


def parse_credentials(text: str) -> Credentials:
    """Parse /proc/PID/status. Refuses one without ids or capabilities."""
    lines = dict(line.split(":", 1) for line in text.split("\n") if ":" in line)

    def number(name: str) -> int | None:
        value = lines.get(name)
        return None if value is None else int(value)

    try:
        return Credentials(
            uid=int(lines["Uid"].split()[1]),
            gid=int(lines["Gid"].split()[1]),
            pid_namespaces=len(lines["NSpid"].split()) if "NSpid" in lines else None,
            effective=int(lines["CapEff"], 16),
            bounding=int(lines["CapBnd"], 16),
            no_new_privileges=None if (nnp := number("NoNewPrivs")) is None else nnp == 1,
            seccomp=number("Seccomp"),
            seccomp_filters=number("Seccomp_filters"),
        )
    except (KeyError, IndexError, ValueError):
        raise UnexpectedText(text) from None


def parse_id_map(text: str) -> tuple[IdRange, ...]:
    """Parse /proc/PID/uid_map or gid_map; () for a namespace that has no map yet."""
    ranges = []
    for line in text.splitlines():
        try:
            inside, outside, size = line.split()
            ranges.append(IdRange(int(inside), int(outside), int(size)))
        except ValueError:
            raise UnexpectedText(line) from None
    return tuple(ranges)


def inside_id(outside: int, ranges: tuple[IdRange, ...]) -> int | None:
    """What an id is called inside the namespace with this map; None where it is not mapped."""
    for found in ranges:
        if found.outside <= outside < found.outside + found.size:
            return found.inside + outside - found.outside
    return None
