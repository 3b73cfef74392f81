"""Have agents started from a checkout run as an installed one does: from bytecode, found by path.

pip and the image compile at installation. Compiling at each start, as a checkout whose bytecode may
not be written does, leaves the metrics process 1 MB larger. So does an editable installation's hook
for imports, which brings pathlib, urllib and re into every process: 0.8 MB.
"""

from __future__ import annotations

import compileall
import sysconfig
import venv
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def compile_agent() -> None:
    """Bring the bytecode beside the sources up to date."""
    for package in ("agent", "exporters"):
        compileall.compile_dir(str(_ROOT / package), quiet=1)


def installed_python(directory: Path) -> str:
    """
    Compile the agent; return an interpreter that imports it and its libraries without a hook.

    It is that of a virtual environment made in `directory`.
    """
    compile_agent()
    where = directory / "installed"
    venv.create(where, symlinks=True)
    packages = next(where.glob("lib/python*/site-packages"))
    (packages / "agent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{_ROOT}\n")
    return str(where / "bin" / "python")
