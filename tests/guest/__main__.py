"""`python -m tests.guest [TEST …]`: tests that need systemd and cgroup v2, run in a guest.

Without arguments those in `TESTS`. Prints what pytest prints in the guest, leaves its junit file in
.run/guest.xml, and ends with its exit code. 77: this machine cannot run a guest; says why.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from tests.guest.channel import GuestError
from tests.guest.image import build
from tests.guest.machine import Machine
from tests.guest.recipe import REPOSITORY
from tests.host.daemon import HostUnavailable

TESTS: Final = ("tests/guest",)
SECONDS: Final = 2400.0
_JUNIT: Final = "/tmp/junit.xml"
_SLOW: Final = ("-o", "timeout=600", "-p", "no:cacheprovider", "-q")


def main(arguments: list[str]) -> int:
    """Run the tests; return the exit code."""
    began = time.monotonic()
    try:
        image = build()
    except HostUnavailable as reason:
        print(f"guest: {reason}", file=sys.stderr)
        return 77
    try:
        with Machine(image) as guest:
            guest.send_checkout()
            kernel = guest.run(["uname", "-r"]).stdout.decode().strip()
            _say(f"{kernel} is up after {time.monotonic() - began:.0f} s")
            options = ("-m", "pytest", *_SLOW, f"--junitxml={_JUNIT}")
            done = guest.python(*options, *(arguments or TESTS), seconds=SECONDS)
            sys.stdout.write(done.stdout.decode(errors="replace"))
            sys.stderr.write(done.stderr.decode(errors="replace"))
            results = REPOSITORY / ".run/guest.xml"
            results.parent.mkdir(exist_ok=True)
            results.write_bytes(guest.run(["cat", _JUNIT]).stdout)
            _say(f"{time.monotonic() - began:.0f} s in all; {results}")
            return done.status
    except GuestError as error:
        print(f"guest: {error}", file=sys.stderr)
        return 1


def _say(sentence: str) -> None:
    print(f"guest: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
