"""`python -m tests.guest [TEST …]`: tests that need systemd and cgroup v2, run in a guest.

Without arguments those in `TESTS`. Prints what pytest prints in the guest, leaves its junit file in
.run/guest.xml, and ends with its exit code. 77: this machine cannot run a guest; says why.

Host tests run there, too, when they are named: tests/host/test_lifecycle.py takes 20 minutes.

AGENT_GUEST_PROGRAMS: a directory of programs for which Debian has no package, linked with nothing
newer than the guest has. Tests that need one skip where it is not there. From their sources:

    crio, pinns   CGO_ENABLED=1 go build -mod=vendor -tags "containers_image_openpgp seccomp
                  containers_image_ostree_stub exclude_graphdriver_btrfs btrfs_noversion" ./cmd/crio
                  make -C pinns
    nerdctl       go build ./cmd/nerdctl
    kubelet       python -m tests.host.kubernetes_programs kubelet; for tests/host/test_kubelet.py
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

from tests.guest.channel import GuestError
from tests.guest.image import build
from tests.guest.machine import Machine
from tests.guest.recipe import REPOSITORY
from tests.host.daemon import HostUnavailable

TESTS: Final = ("tests/guest",)
SECONDS: Final = 5400.0
"""Above what a busy machine takes; for a guest that hangs."""
_OUTPUT: Final = "/tmp/pytest"
_JUNIT: Final = "/tmp/junit.xml"
_SLOW: Final = ("-o", "timeout=600", "-p", "no:cacheprovider", "-v", "-rs")


def main(arguments: list[str]) -> int:
    """Run the tests; return the exit code."""
    began = time.monotonic()
    try:
        image = build()
    except HostUnavailable as reason:
        print(f"guest: {reason}", file=sys.stderr)
        return 77
    try:
        programs = os.environ.get("AGENT_GUEST_PROGRAMS")
        with Machine(image, programs=Path(programs) if programs else None) as guest:
            guest.send_checkout()
            kernel = guest.run(["uname", "-r"]).stdout.decode().strip()
            _say(f"{kernel} is up after {time.monotonic() - began:.0f} s")
            options = ("-m", "pytest", *_SLOW, f"--junitxml={_JUNIT}")
            try:
                status = guest.python(
                    *options, *(arguments or TESTS), output=_OUTPUT, seconds=SECONDS
                ).status
            finally:
                sys.stdout.write(guest.run(["cat", _OUTPUT]).stdout.decode(errors="replace"))
            results = REPOSITORY / ".run/guest.xml"
            results.parent.mkdir(exist_ok=True)
            results.write_bytes(guest.run(["cat", _JUNIT]).stdout)
            _say(f"{time.monotonic() - began:.0f} s in all; {results}")
            return status
    except GuestError as error:
        print(f"guest: {error}", file=sys.stderr)
        return 1


def _say(sentence: str) -> None:
    print(f"guest: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
