"""What pyproject.toml cannot say: manual page, completions, and which commit it is made from."""

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

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


def tell_revision(root: str) -> None:
    """Into agent/revision.txt below `root`; where this is no checkout of git it stays as it is."""
    if not (ROOT / ".git").exists():
        return
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,  # no git, or a checkout of somebody else's: not known
    )
    if described.returncode == 0:
        path = Path(root, "agent/revision.txt")
        path.unlink(missing_ok=True)  # it may be a hard link to the source
        path.write_text(described.stdout, encoding="utf-8")


class BuildWithRevision(build_py):
    """A wheel says what it was made from; an editable installation asks its checkout."""

    def run(self) -> None:
        """Build, then write the file."""
        super().run()
        if not self.editable_mode:
            tell_revision(self.build_lib)


class SourceWithRevision(sdist):
    """The same of a source distribution, which has no .git."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy, then write the file."""
        super().make_release_tree(base_dir, files)
        tell_revision(base_dir)


setup(
    data_files=write(),
    cmdclass={"build_py": BuildWithRevision, "sdist": SourceWithRevision},
)
