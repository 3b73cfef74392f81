"""How what the system refused is said."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from agent.cli.exits import ERROR, USAGE
from agent.cli.main import main
from agent.faults import told
from agent.kernelfile import UnexpectedText


def test_a_fault_is_said_without_its_number() -> None:
    assert told(FileNotFoundError(2, "No such file or directory", "/x")) == (
        "/x: No such file or directory"
    )
    assert told(OSError(28, "No space left on device")) == "No space left on device"
    assert told(OSError("as it is")) == "as it is"


def test_what_libraries_make_of_a_fault_is_said_as_the_system_says_it() -> None:
    asyncios = OSError(111, "Connect call failed ('127.0.0.1', 1)")
    assert told(asyncios) == "Connection refused"
    several = OSError(
        f"Multiple exceptions: {asyncios}, [Errno 111] Connect call failed ('::1', 1)"
    )
    assert told(several) == "Connection refused"
    no_tls = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
    assert told(no_tls) == "the other side speaks no TLS"


def test_a_configuration_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ps", "--config", "/nowhere.toml"])
    assert ended.value.code == USAGE
    assert "/nowhere.toml: No such file or directory" in capsys.readouterr().err


def test_a_snapshot_is_not_waited_for_where_it_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nowhere/slow.snap"
    assert main(["snapshot", "save", str(path), "--seconds", "3600"]) == ERROR
    assert f"{path.parent}: there is no such directory" in capsys.readouterr().err


def test_both_files_of_a_move_are_named() -> None:
    assert told(OSError(18, "Invalid cross-device link", "/a", None, "/b")) == (
        "/a to /b: Invalid cross-device link"
    )


def test_what_is_no_fault_of_the_system_has_its_own_words() -> None:
    assert told(UnexpectedText("?", "/proc/stat")) == "/proc/stat: cannot read '?'"
