from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.container.asking import Asking
from tests.agent.container.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def ask(tree: Tree) -> Asking:
    return Asking(tree)
