"""The systemd unit, judged by systemd-analyze: how exposed it is, and whether it is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "deploy" / "systemd"
UNIT = "container-agent.service"
COMMAND = "/opt/agent/bin/agent"

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze (package systemd) is missing"
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def installed(directory: Path, *, probes: bool = False) -> Path:
    """The unit as it would lie in /etc/systemd/system, with a command that exists."""
    command = directory / "agent"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = directory / UNIT
    unit.write_text((SYSTEMD / UNIT).read_text().replace(COMMAND, str(command)))
    if probes:
        (directory / f"{UNIT}.d").mkdir()
        shutil.copy(SYSTEMD / "probes.conf", directory / f"{UNIT}.d")
    return unit


def exposure(unit: Path, threshold: int = 30) -> str:
    """systemd-analyze's figure, 0 to 10. Fails over `threshold` tenths."""
    done = analyze("security", "--offline=true", f"--threshold={threshold}", str(unit))
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    figure = re.search(r"exposure level for \S+: (\S+) ", done.stdout)
    assert figure is not None, done.stdout[-300:]
    return figure[1]


@pytest.mark.parametrize("probes", [False, True])
def test_exposure_is_under_3_and_the_documentation_says_how_much(
    tmp_path: Path, probes: bool
) -> None:
    figure = exposure(installed(tmp_path, probes=probes))
    said = "with `probes.conf`" if probes else "the unit"
    assert f"{said} {figure}" in (ROOT / "docs" / "deploy.md").read_text()


def test_a_unit_without_its_filters_is_over_the_threshold(tmp_path: Path) -> None:
    unit = installed(tmp_path)
    text = re.sub(
        r"^(SystemCall|Restrict|Protect|Capability).*\n", "", unit.read_text(), flags=re.MULTILINE
    )
    unit.write_text(text)
    with pytest.raises(AssertionError, match="exposure level"):
        exposure(unit)


@pytest.mark.parametrize("probes", [False, True])
def test_systemd_has_nothing_to_say_about_the_unit(tmp_path: Path, probes: bool) -> None:
    done = analyze("verify", str(installed(tmp_path, probes=probes)))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_verify_finds_a_misspelt_directive(tmp_path: Path) -> None:
    unit = installed(tmp_path)
    unit.write_text(unit.read_text().replace("TasksMax", "TaskMax"))
    assert "TaskMax" in analyze("verify", str(unit)).stderr


def test_nothing_that_would_blind_the_agent_is_set() -> None:
    text = (SYSTEMD / UNIT).read_text()
    for directive in ("ProtectProc", "ProcSubset", "PrivateUsers", "PrivateNetwork"):
        assert not re.search(rf"^{directive}=", text, re.MULTILINE), directive
