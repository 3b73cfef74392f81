"""Exit codes, the same for every command."""

from typing import Final

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
NOT_PERMITTED: Final = 4
UNREACHABLE: Final = 5
FINDINGS: Final = 10
"""With --exit-code alone. `agent why`: something is a warning or worse; `agent health`: not all of
the agent works."""

CODES: Final = """\
  0 ok   1 failure   2 usage   3 not found   4 not permitted   5 daemon or runtime unreachable
  10 findings (agent why --exit-code, agent health --exit-code)
"""
