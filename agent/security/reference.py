"""docs/security.md's table of checks, from the table the code goes by."""

from __future__ import annotations

from agent.security.table import CHECKS

BEGIN = "<!-- checks: written by `python -m agent.security.reference` -->"
END = "<!-- end of checks -->"


def markdown() -> str:
    """The table, between the two marks."""
    rows = [
        f"| `{check.id}` | {check.title} | {check.level} | {check.cis_docker} "
        f"| {check.cis_kubernetes} | {check.pss} | {check.advice} |"
        for check in CHECKS
    ]
    head = (
        "| check | fails when a container | level | CIS Docker 1.6 | CIS Kubernetes 1.9 "
        "| Pod Security Standards | what to do |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    body = "\n".join(rows).replace("|  |", "| |").replace("|  |", "| |")
    return f"{BEGIN}\n\n{head}\n{body}\n\n{END}"


def replaced(document: str) -> str:
    """`document` with the table of today. Raises ValueError where the marks are not in it."""
    before, found, rest = document.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"no {BEGIN} … {END} in it")
    return f"{before}{markdown()}{after}"


if __name__ == "__main__":
    import sys
    from pathlib import Path

    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/security.md")
    path.write_text(replaced(path.read_text(encoding="utf-8")), encoding="utf-8")
