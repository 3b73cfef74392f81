"""The scripts in the shells they are for, as far as those are here; bash is everywhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.cli.main import parser
from agent.completion import bash, fish, zsh
from agent.completion.tree import tree

COMMANDS = tree(parser())
_ASK = """
source "$1"
agent() { [[ $* == 'completion targets' ]] && printf '%s\\n' web shop/api/app; }
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
complete -p agent > /dev/null || exit 1
_agent
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "agent.bash"
    path.write_text(bash.script(COMMANDS))
    return path


def answers(script: Path, *words: str, cwd: Path | None = None) -> list[str]:
    """What bash offers for the last of the words."""
    done = subprocess.run(
        ["bash", "--norc", "-c", _ASK, "bash", str(script), *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line for line in done.stdout.splitlines() if line]


def test_commands_are_offered(script: Path) -> None:
    assert {"top", "why", "ps", "snapshot"} <= set(answers(script, "agent", ""))
    assert answers(script, "agent", "snap") == ["snapshot"]
    assert answers(script, "agent", "config", "sh") == ["show"]


def test_options_are_offered_where_they_belong(script: Path) -> None:
    assert answers(script, "agent", "top", "--sor") == ["--sort"]
    assert answers(script, "agent", "ps", "--sor") == []
    assert "--origin" in answers(script, "agent", "config", "show", "-")


def test_values_of_options_are_offered(script: Path, tmp_path: Path) -> None:
    assert answers(script, "agent", "ps", "-o", "json") == ["json", "jsonl"]
    assert answers(script, "agent", "ps", "--output", "=", "t") == ["table"]
    assert answers(script, "agent", "top", "--filter", "n") == []
    (tmp_path / "agent.toml").touch()
    assert answers(script, "agent", "run", "--config", "ag", cwd=tmp_path) == ["agent.toml"]
    assert answers(script, "agent", "snapshot", "open", "ag", cwd=tmp_path) == ["agent.toml"]


def test_containers_are_offered_as_targets(script: Path) -> None:
    assert answers(script, "agent", "inspect", "") == ["web", "shop/api/app"]
    assert answers(script, "agent", "why", "sh") == ["shop/api/app"]


def test_a_word_that_is_a_command_elsewhere_changes_nothing(script: Path) -> None:
    assert answers(script, "agent", "inspect", "top", "--out") == ["--output"]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_offers_the_same(tmp_path: Path) -> None:
    path = tmp_path / "agent.fish"
    path.write_text(fish.script(COMMANDS))

    def offered(line: str) -> list[str]:
        asked = f"source {path}; complete -C '{line}'"
        done = subprocess.run(["fish", "-c", asked], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")
        return [found.split("\t")[0] for found in done.stdout.splitlines()]

    assert offered("agent snap") == ["snapshot"]
    assert offered("agent config sh") == ["show"]
    assert offered("agent top --sor") == ["--sort"]
    assert offered("agent ps -o json") == ["json", "jsonl"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_takes_the_script(tmp_path: Path) -> None:
    path = tmp_path / "_agent"
    path.write_text(zsh.script(COMMANDS))
    asked = f"autoload -Uz compinit; compinit -D -d {tmp_path}/dump; source {path}"
    done = subprocess.run(
        ["zsh", "-f", "-c", f"{asked}; print -- $_comps[agent]"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "_agent"), done.stderr
