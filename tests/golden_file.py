"""Golden files: whole outputs kept under tests/golden, compared, and rewritten on request.

    UPDATE_GOLDEN=1 pytest tests/agent/top

A missing file fails like a different one, so that nothing passes because it was never written.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """Compare `text` with tests/golden/`name`, or write it there where UPDATE_GOLDEN is set."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == expected, f"{path} differs; UPDATE_GOLDEN=1 rewrites it"
