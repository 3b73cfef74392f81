"""The scripts in the shells they are for, as far as those are here; bash is everywhere."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
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


class _Zsh:
    """zsh as at a terminal, with its own completion system and our script in its fpath."""

    def __init__(self, directory: Path) -> None:
        functions, programs = directory / "functions", directory / "bin"
        functions.mkdir()
        programs.mkdir()
        (functions / "_agent").write_text(zsh.script(COMMANDS))
        program = programs / "agent"
        program.write_text("#!/bin/sh\nprintf '%s\\n' web shop/api/app\n")
        program.chmod(0o755)
        (directory / ".zshrc").write_text(
            f"PS1='> '; fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D\n"
            "zstyle ':completion:*' menu no\n"
        )
        path = f"{programs}:{os.environ['PATH']}"
        environment = os.environ | {"ZDOTDIR": str(directory), "TERM": "xterm", "PATH": path}
        self._screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self._screen)
        self._pid, self._fd = pty.fork()
        if self._pid == 0:  # pragma: no cover - another process
            os.execvpe("zsh", ["zsh", "-i"], environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.until(lambda text: ">" in text)  # lines without the spaces at their end

    def until(self, there: Callable[[str], bool]) -> str:
        """What the screen shows once that is so, or after half a minute."""
        end = time.monotonic() + 30
        while not there(text := "\n".join(line.rstrip() for line in self._screen.display)):
            ready, _, _ = select.select([self._fd], [], [], max(end - time.monotonic(), 0))
            if not ready:
                return text
            self._stream.feed(os.read(self._fd, 65536))
        return text

    def type(self, keys: str, there: str) -> str:
        """Type on an empty line; what the screen shows when that is on it."""
        os.write(self._fd, b"\x15\x0c" + keys.encode())  # ^U ^L
        return self.until(lambda text: there in text)

    def close(self) -> None:
        os.close(self._fd)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


@pytest.fixture
def zsh_here(tmp_path: Path) -> Iterator[_Zsh]:
    shell = _Zsh(tmp_path)
    yield shell
    shell.close()


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.timeout(180)
def test_a_tab_in_zsh_completes(zsh_here: _Zsh) -> None:
    for keys, there in (
        ("agent to\t", "agent top"),
        ("agent snap\top\t", "agent snapshot open"),
        ("agent why --exi\t", "agent why --exit-code"),
        ("agent ps -o t\t", "agent ps -o table"),
        ("agent why --output=j\t", "agent why --output=json"),
        ("agent inspect sh\t", "agent inspect shop/api/app"),
        ("agent why --\t\t", "exit with 10 where there is a finding"),
    ):
        assert there in zsh_here.type(keys, there)
