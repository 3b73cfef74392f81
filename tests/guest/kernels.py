"""`python -m tests.guest.kernels`: docs/kernels.md from a run on each packaged kernel.

In each guest every probe with everything there, then with one thing missing at a time; one by bcc,
and all where libbpf cannot, since each takes minutes of emulated compiling. In each case
`agent metrics` must give a page. `--seconds N` bounds a case: what it did not come to is "not
tried".

Each kernel's outcome is kept in .run/kernels: `python -m tests.guest.kernels 6.1` measures that one
anew and writes the page from all there are.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from tests.guest.channel import GuestError
from tests.guest.image import build
from tests.guest.machine import Machine
from tests.guest.probe_matrix import Tried
from tests.guest.recipe import KERNELS, REPOSITORY
from tests.host.daemon import HostUnavailable

DOCUMENT: Final = REPOSITORY / "docs/kernels.md"
KEPT: Final = REPOSITORY / ".run/kernels"
_SECONDS: Final = 1800
_TIMED_OUT: Final = 124
"""timeout's exit code."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which a kernel gives less than everything."""

    name: str
    before: str
    """Put before the command that tries the probes; "" for nothing."""
    loaders: tuple[str, ...]
    """As `probe_matrix` wants them."""
    once: str = ""
    """Run before, and never undone: such a case comes last."""


CASES: Final = (
    Case("as root", "", ("libbpf", "bcc:lifecycle")),
    Case(
        "an ordinary user with CAP_BPF and CAP_PERFMON",
        "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+bpf,+perfmon "
        "--ambient-caps=+bpf,+perfmon --",
        ("libbpf",),
    ),
    Case(
        "root without CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN",
        "setpriv --bounding-set=-bpf,-perfmon,-sys_admin --inh-caps=-bpf,-perfmon,-sys_admin --",
        ("libbpf", "bcc"),
    ),
    Case(
        "no BTF",
        "unshare --mount -- sh -c 'mount -t tmpfs none /sys/kernel/btf && exec \"$@\"' sh",
        ("libbpf", "bcc"),
    ),
    Case(
        "lockdown=confidentiality",
        "",
        ("libbpf", "bcc"),
        once="echo confidentiality > /sys/kernel/security/lockdown",
    ),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One kernel's outcomes."""

    version: str
    outcomes: dict[tuple[str, str, str], Tried]
    """(case, loader, probe) -> how it fared."""
    pages: dict[str, str]
    """Case -> "" where the agent gave a page, or what it said."""

    def to_json(self) -> bytes:
        """As a document that `from_json` reads."""
        rows = [(case, asdict(tried)) for (case, _, _), tried in self.outcomes.items()]
        return orjson.dumps({"version": self.version, "rows": rows, "pages": self.pages})

    @staticmethod
    def from_json(data: bytes) -> Column:
        """What `to_json` wrote."""
        document = orjson.loads(data)
        outcomes = {}
        for case, row in document["rows"]:
            tried = Tried(**row)
            outcomes[case, tried.loader, tried.probe] = tried
        return Column(document["version"], outcomes, document["pages"])


def measure(guest: Machine, seconds: int) -> Column:
    """Try everything in one guest."""
    version = guest.run(["uname", "-r"]).stdout.decode().strip()
    outcomes: dict[tuple[str, str, str], Tried] = {}
    pages: dict[str, str] = {}
    for case in CASES:
        if case.once:
            done = guest.shell(case.once)
            if done.status:
                raise GuestError(f"{case.name}: {done.stderr.decode()}")
        done = guest.python(
            *("-m", "tests.guest.probe_matrix", *case.loaders),
            before=f"timeout {seconds} {case.before}",
            seconds=seconds + 60,
        )
        for line in done.stdout.splitlines():
            tried = Tried(**orjson.loads(line))
            outcomes[case.name, tried.loader, tried.probe] = tried
        if done.status not in (0, _TIMED_OUT):
            raise GuestError(f"{version}, {case.name}: {done.stderr.decode()[-1000:]}")
        page = guest.python("-m", "agent", "metrics", before=case.before, seconds=300)
        good = page.status == 0 and b"machine_memory_bytes" in page.stdout
        pages[case.name] = "" if good else page.stderr.decode()[-300:] or "no page"
        told = f"kernels: {version}, {case.name}: {_summary(done.stdout)}; page: {good}"
        print(told, file=sys.stderr, flush=True)
    return Column(version, outcomes, pages)


def document(columns: list[Column], today: str) -> str:
    """The page."""
    out = [
        "# Kernels",
        "",
        f"Written by `make kernels` on {today}, in emulated guests with Debian's kernels.",
        "Every probe of the registry is loaded, attached, read and closed. **all**: each of its",
        "features counts; a number: so many of them do, and below is why the others do not.",
        "In every case the agent ran and gave a page"
        + (":" if _bad_pages(columns) else ", so that a probe that is missing costs no more."),
        *_bad_pages(columns),
    ]
    reasons: dict[str, int] = {}
    for case in CASES:
        out += ["", f"## {case.name[0].upper()}{case.name[1:]}", ""]
        out += ["| probe | loader | " + " | ".join(c.version for c in columns) + " |"]
        out += ["| --- | --- |" + " --- |" * len(columns)]
        for loader in (word.partition(":")[0] for word in case.loaders):
            probes = dict.fromkeys(
                probe
                for column in columns
                for name, by, probe in column.outcomes
                if (name, by) == (case.name, loader)
            )
            for probe in probes:
                cells = [
                    _cell(column.outcomes.get((case.name, loader, probe)), reasons)
                    for column in columns
                ]
                out += [f"| {probe} | {loader} | " + " | ".join(cells) + " |"]
    if reasons:
        out += ["", "## Reasons", ""]
        out += [f"{number}. {_plain(reason)}" for reason, number in reasons.items()]
    return "\n".join(out) + "\n"


def _cell(tried: Tried | None, reasons: dict[str, int]) -> str:
    if tried is None:
        return "not tried"
    if tried.unavailable:
        return f"no [{reasons.setdefault(tried.unavailable, len(reasons) + 1)}]"
    if not tried.off:
        return "all"
    numbers = sorted({reasons.setdefault(why, len(reasons) + 1) for why in tried.off.values()})
    marks = " ".join(f"[{number}]" for number in numbers)
    return (
        f"{tried.features - len(tried.off)} of {tried.features}: not {', '.join(tried.off)} {marks}"
    )


def _bad_pages(columns: list[Column]) -> list[str]:
    return [
        f"- not on {column.version}, {case}: {_plain(said)}"
        for column in columns
        for case, said in column.pages.items()
        if said
    ]


def _plain(text: str) -> str:
    """One line, and none that a table or a list would break on."""
    return " ".join(text.split()).replace("|", "/")[:400]


def _summary(lines: bytes) -> str:
    tried = [Tried(**orjson.loads(line)) for line in lines.splitlines()]
    return ", ".join(
        f"{one.probe}/{one.loader} {'no' if one.unavailable else one.features - len(one.off)}"
        for one in tried
    )


def main(arguments: list[str]) -> int:
    """Run on the kernels that are named, all without any; write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=_SECONDS)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    try:
        image = build()
    except HostUnavailable as reason:
        print(f"kernels: {reason}", file=sys.stderr)
        return 77
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in options.names or [kernel.name for kernel in KERNELS]:
        with Machine(image, name) as guest:
            guest.send_checkout()
            column = measure(guest, options.seconds)
        (KEPT / f"{name}.json").write_bytes(column.to_json())
        _write()
    return 0


def _write() -> None:
    kept = [KEPT / f"{kernel.name}.json" for kernel in KERNELS]
    columns = [Column.from_json(path.read_bytes()) for path in kept if path.exists()]
    DOCUMENT.write_text(document(columns, time.strftime("%Y-%m-%d", time.gmtime())))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
