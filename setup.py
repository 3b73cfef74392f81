"""What pyproject.toml cannot say: the manual page and the completions, made from the commands."""

import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from agent.cli.main import parser  # noqa: E402
from agent.completion import bash, fish, manual, zsh  # noqa: E402
from agent.completion.tree import tree  # noqa: E402
from agent.version import VERSION  # noqa: E402

COMMANDS = tree(parser())
FILES = {
    "share/man/man1/agent.1": manual.page(COMMANDS, VERSION),
    "share/bash-completion/completions/agent": bash.script(COMMANDS),
    "share/zsh/site-functions/_agent": zsh.script(COMMANDS),
    "share/fish/vendor_completions.d/agent.fish": fish.script(COMMANDS),
}


def write() -> list[tuple[str, list[str]]]:
    """Write them below build/, and say where they are installed."""
    places = []
    for place, text in FILES.items():
        path = Path("build", place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        places.append((str(Path(place).parent), [str(path)]))
    return places


setup(data_files=write())
