"""Which commit the agent was made from, beside what git says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agent.revision import revision

COMMIT = "24c85db2b1a0c0ffee24c85db2b1a0c0ffee1234"


def git(where: Path, *command: str) -> str:
    return subprocess.check_output(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *command],
        cwd=where,
        text=True,
        stderr=subprocess.DEVNULL,
    ).strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit and the package in it."""
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent/revision.txt").write_text("$Format:%H$\n")
    (tmp_path / ".gitattributes").write_text("agent/revision.txt export-subst\n")
    (tmp_path / "pyproject.toml").touch()
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_of_a_checkout_it_is_the_commit_that_git_says(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")[:12]
    assert revision(str(checkout / "agent")) == head
    git(checkout, "pack-refs", "--all")
    assert not (checkout / ".git/refs/heads/main").exists()
    assert revision(str(checkout / "agent")) == head
    git(checkout, "checkout", "-q", "--detach")
    assert revision(str(checkout / "agent")) == head


def test_of_a_worktree_too(checkout: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(checkout, "worktree", "add", "-q", "-b", "side", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "two")
    head = git(other, "rev-parse", "HEAD")[:12]
    assert revision(str(other / "agent")) == head != revision(str(checkout / "agent"))
    git(checkout, "pack-refs", "--all")
    assert revision(str(other / "agent")) == head


def test_an_archive_has_it_in_its_file(checkout: Path, tmp_path: Path) -> None:
    subprocess.check_call(
        ["sh", "-c", "mkdir out && git archive HEAD | tar -x -C out"], cwd=checkout
    )
    head = git(checkout, "rev-parse", "HEAD")[:12]
    assert revision(str(checkout / "out/agent")) == head


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (COMMIT, COMMIT[:12]),
        (f"{COMMIT[:12]}-dirty", f"{COMMIT[:12]}-dirty"),
        ("$Format:%H$", None),
        ("", None),
        ("<html>", None),
    ],
)
def test_what_is_installed_says_what_it_was_built_from(
    written: str, said: str | None, tmp_path: Path
) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent/revision.txt").write_text(written)
    assert revision(str(tmp_path / "agent")) == said


def test_another_repository_around_an_installation_is_not_asked(checkout: Path) -> None:
    (checkout / "pyproject.toml").unlink()
    assert revision(str(checkout / "agent")) is None
