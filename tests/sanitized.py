"""The tests of the compiled loop (exporters/fluentd/_blocks.c) under AddressSanitizer and UBSan.

    python -m tests.sanitized

Builds the extension with both into a temporary directory, and runs its tests with that one in front
of the installed one. Python's own allocator is off, so that a byte read past the end of a bytes
object is a byte past the end of an allocation. Ends with the status of the tests; a finding kills
the run with a report.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "exporters/fluentd/_blocks.c"
TESTS = ("tests/exporters/fluentd/test_blocks.py", "tests/exporters/fluentd/test_short_way.py")
EXAMPLES = 500
"""Of each property of the blocks: about half a minute."""

# What runs under the sanitizers. The package looks into the directory of the build first.
INSIDE = """
import sys
import exporters.fluentd
exporters.fluentd.__path__.insert(0, sys.argv[1])
from exporters.fluentd import _blocks
assert _blocks.__file__.startswith(sys.argv[1]), _blocks.__file__
import pytest
quiet = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
sys.exit(pytest.main([*quiet, *sys.argv[2:]]))
"""


def build(directory: str) -> None:
    subprocess.run(
        [
            os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-O1", "-g", "-Wall", "-Wextra",
            "-Werror", "-fno-omit-frame-pointer", "-fsanitize=address,undefined",
            "-fno-sanitize-recover=undefined", "-I", sysconfig.get_path("include"), str(SOURCE),
            "-o", f"{directory}/_blocks.abi3.so",
        ],
        check=True,
    )  # fmt: skip


def runtime() -> str:
    """The library that must be loaded before all others."""
    made = subprocess.run(
        [os.environ.get("CC", "gcc"), "-print-file-name=libasan.so"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return made.stdout.strip()


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        build(directory)
        environment = os.environ | {
            "LD_PRELOAD": runtime(),
            # Python frees little at its end, on purpose.
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "PYTHONMALLOC": "malloc",
            "BLOCK_EXAMPLES": str(EXAMPLES),
        }
        return subprocess.run(
            [sys.executable, "-c", INSIDE, directory, *TESTS], cwd=ROOT, env=environment
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
