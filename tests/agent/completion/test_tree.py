from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.cli.main import parser
from agent.completion import manual
from agent.completion.tree import Option, Positional, tree


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="x", description="Does x.", epilog="examples:\n  x -f\n")
    made.add_argument("-f", "--file", metavar="FILE", help="read it (default: %(default)s)")
    made.add_argument("--quick", action="store_true", help="hurry")
    made.add_argument("--hidden", help=argparse.SUPPRESS)
    below = made.add_subparsers()
    run = below.add_parser("run", aliases=["go"], help="run it", description="Runs.")
    run.add_argument("target", metavar="TARGET", nargs="?", help="which")
    run.add_argument("-o", choices=("a", "b"), help="how")
    return made


def test_options_and_commands_are_found() -> None:
    program, run = tree(_parser())
    assert program.path == ()
    assert program.commands == (("run", "run it"),)
    assert program.options[1:] == (
        Option(("-f", "--file"), "file", (), "FILE", "read it (default: None)"),
        Option(("--quick",), "", (), "QUICK", "hurry"),
    )
    assert run.path == ("run",)
    assert run.options[1] == Option(("-o",), "words", ("a", "b"), "{a,b}", "how")
    assert run.positionals == (Positional("target", (), "TARGET", "which", optional=True),)


def test_every_command_of_the_agent_is_in_the_manual() -> None:
    commands = tree(parser())
    page = manual.page(commands, "1.2.3")
    for command in commands[1:]:
        assert f'.SS "agent {" ".join(command.path)}' in page
    assert page.isascii()


def test_text_that_roff_would_take_for_a_request_is_text() -> None:
    made = _parser()
    made.epilog = "examples:\n.SH no heading\n'no request \\n \u2026\nexit codes:\n  0 ok\n"
    page = manual.page(tree(made), "1")
    assert "\n\\&.SH no heading\n" in page
    assert "\n\\&'no request \\en \\[u2026]\n" in page


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_groff_has_nothing_to_warn_of(tmp_path: Path) -> None:
    path = tmp_path / "agent.1"
    path.write_text(manual.page(tree(parser()), "1.2.3"))
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", str(path)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "No colours." in done.stdout
