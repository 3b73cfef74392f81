from __future__ import annotations

from pathlib import Path

import pytest

from agent.security.reference import markdown, replaced
from agent.security.table import CHECKS

DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"


def test_the_table_in_the_documentation_is_that_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert replaced(text) == text, "python -m agent.security.reference rewrites it"


def test_every_check_has_one_row() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    assert len(rows) == len(CHECKS)
    assert all(row.count("|") == 8 for row in rows)


def test_a_document_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="checks"):
        replaced("# Security\n")
