"""`python -m tests.guest.bench [--kernel 6.12] MODULE [ARGUMENT …]`: a benchmark in a guest.

For what this machine does not have: cgroup v2 alone, another kernel. Emulated, so that only ratios
of CPU time mean anything, and those roughly: no cache misses are emulated, and each instruction
costs about the same.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from tests.guest.image import build
from tests.guest.machine import Machine
from tests.guest.recipe import DEFAULT_KERNEL

SECONDS: Final = 1800.0


def main() -> int:
    """Print what the benchmark prints; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", default=DEFAULT_KERNEL)
    parser.add_argument("module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with Machine(build(), options.kernel) as guest:
        guest.send_checkout()
        print(guest.run(["uname", "-r"]).stdout.decode().strip(), flush=True)
        done = guest.python("-m", options.module, *options.arguments, seconds=SECONDS)
    sys.stdout.write(done.stdout.decode(errors="replace"))
    sys.stderr.write(done.stderr.decode(errors="replace"))
    return done.status


if __name__ == "__main__":
    sys.exit(main())
