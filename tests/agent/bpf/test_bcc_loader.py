from __future__ import annotations

import errno
import os
import sys
import tempfile
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agent.bpf import bcc_loader, syscall
from agent.bpf.facts import Facts
from agent.bpf.lifecycle import PROGRAMS as LIFECYCLE
from agent.bpf.loaded import LoadFailed
from tests.agent.bpf.test_support import WORKS
from tests.host.daemon import wait_until

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the loader makes its temporary directory. Must be empty afterwards."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def child(tmp_path: Path, body: str) -> str:
    """A stand-in for bcc_child.py, with its socket and the first steps done."""
    path = tmp_path / "child.py"
    imports = "import json, os, signal, socket, sys, time\n"
    start = "answer = socket.socket(fileno=int(sys.argv[1]))\n"
    path.write_text(imports + start + textwrap.dedent(body))
    return str(path)


def failure(tmp_path: Path, body: str, timeout: float = 30.0) -> str:
    with pytest.raises(LoadFailed) as caught:
        bcc_loader.load(LIFECYCLE, WORKS, child=child(tmp_path, body), timeout=timeout)
    return caught.value.reason


def test_a_child_that_fails_is_quoted_and_its_files_are_gone(tmp_path: Path, scratch: Path) -> None:
    reason = failure(
        tmp_path,
        """
        scratch = json.loads(sys.argv[2])["scratch"]
        open(scratch + "/file", "w").write("x")
        print("left:", os.listdir(scratch), file=sys.stderr)
        sys.exit("main.c:3: error: unknown type")
        """,
    )
    assert reason.startswith("bcc: the child ended with code 1; it said: left: ['file']")
    assert "main.c:3: error: unknown type" in reason
    assert list(scratch.iterdir()) == []


def test_a_child_that_is_killed_is_told(tmp_path: Path, scratch: Path) -> None:
    assert failure(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)") == (
        "bcc: the child ended with code -9 and said nothing"
    )


def test_more_on_stderr_than_a_pipe_holds_blocks_nobody(tmp_path: Path, scratch: Path) -> None:
    reason = failure(tmp_path, "sys.stderr.write('noise ' * 100_000 + 'the end'); sys.exit(1)")
    assert reason.endswith("the end")
    assert len(reason) < 3000


def test_a_child_that_hangs_is_killed_with_what_it_started(tmp_path: Path, scratch: Path) -> None:
    pid_file = tmp_path / "pid"
    began = time.monotonic()
    reason = failure(
        tmp_path,
        f"""
        import subprocess
        started = subprocess.Popen(["/bin/sleep", "1000"])
        with open({str(pid_file)!r}, "w") as file:
            file.write(str(started.pid))
        print("still compiling", file=sys.stderr, flush=True)
        time.sleep(1000)
        """,
        timeout=2.0,
    )
    assert reason == "bcc: the child was not done after 2 s; it said: still compiling"
    assert time.monotonic() - began < 20
    pid = int(pid_file.read_text())
    wait_until(lambda: not running(pid), 5, "the end of what the child started")
    assert list(scratch.iterdir()) == []


def test_a_child_that_answers_but_does_not_end_is_killed(tmp_path: Path, scratch: Path) -> None:
    reason = failure(
        tmp_path,
        """
        socket.send_fds(answer, [b"{}"], [0])
        time.sleep(1000)
        """,
        timeout=2.0,
    )
    assert reason == "bcc: the child was not done after 2 s and said nothing"


@pytest.mark.parametrize(
    ("names", "fds"),
    [
        ('{"programs": ["on_exec"], "maps": ["counts", "drops"], "off": {}}', 2),
        ('{"programs": ["on_exec"], "maps": ["counts"], "off": {}}', 2),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    tmp_path: Path, scratch: Path, names: str, fds: int
) -> None:
    reason = failure(tmp_path, f"socket.send_fds(answer, [{names.encode()!r}], [0] * {fds})")
    assert reason.startswith(f"bcc: the child sent {fds} descriptors for ")


def test_a_descriptor_that_is_no_program_gives_the_kernels_reason(
    tmp_path: Path, scratch: Path
) -> None:
    names = b'{"programs": ["on_exec"], "maps": ["counts", "drops"], "off": {"on_oom": "why"}}'
    loaded = bcc_loader.load(
        LIFECYCLE,
        WORKS,
        child=child(tmp_path, f"socket.send_fds(answer, [{names!r}], [0] * 3)"),
    )
    try:
        assert loaded.off == {"on_oom": "why"}
        with pytest.raises(OSError, match="BPF_OBJ_GET_INFO_BY_FD"):
            loaded.attach(LIFECYCLE.programs[0])
    finally:
        loaded.close()


def test_an_answer_that_is_no_json_is_not_taken(tmp_path: Path, scratch: Path) -> None:
    reason = failure(tmp_path, "socket.send_fds(answer, [b'garbage'], [0])")
    assert reason == "bcc: the child's answer is not understood: b'garbage'"


def test_without_bcc_nothing_is_started(tmp_path: Path) -> None:
    with pytest.raises(LoadFailed, match="not installed"):
        bcc_loader.load(LIFECYCLE, replace(WORKS, bcc=None))


def test_a_bcc_that_is_another_package_is_told(tmp_path: Path, facts: Facts, scratch: Path) -> None:
    """The real child, with a module bcc that has no BPF."""
    if facts.bpftool is None or not facts.btf:
        pytest.skip("no bpftool, or no BTF")
    (tmp_path / "bcc").mkdir()
    (tmp_path / "bcc/__init__.py").write_text("lattice = True\n")
    other = replace(WORKS, bcc=WORKS.bcc._replace(directory=str(tmp_path)) if WORKS.bcc else None)
    with pytest.raises(LoadFailed, match="cannot import name 'BPF' from 'bcc'"):
        bcc_loader.load(LIFECYCLE, replace(other, bpftool=facts.bpftool))
    assert list(scratch.iterdir()) == []


@pytest.mark.host
@pytest.mark.usefixtures("bcc_may_load")
def test_source_that_does_not_compile_is_refused_in_clangs_words(
    tmp_path: Path, facts: Facts, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "lifecycle.bpf.c"
    broken.write_text("int on_exec(struct no_such *p) { return p->nothing; }\n")
    monkeypatch.setattr("agent.bpf.probeset.DIRECTORY", str(tmp_path))
    with pytest.raises(LoadFailed, match=r"incomplete definition of type 'struct no_such'"):
        bcc_loader.load(LIFECYCLE, facts)
    assert list(scratch.iterdir()) == []


@pytest.mark.host
@pytest.mark.usefixtures("bcc_may_load")
def test_the_programs_run_here_and_bcc_was_not_imported_here(facts: Facts, scratch: Path) -> None:
    loaded = bcc_loader.load(LIFECYCLE, facts, without=["on_oom"])
    try:
        assert set(loaded.programs) == {"on_exec", "on_exit"}
        assert set(loaded.maps) == set(LIFECYCLE.maps)
        assert syscall.map_info(loaded.maps["counts"]).key_size == 16
    finally:
        loaded.close()
    assert "bcc" not in sys.modules
    assert list(scratch.iterdir()) == []


@pytest.mark.host
@pytest.mark.usefixtures("bcc_may_load")
def test_a_tracepoint_this_kernel_lacks_takes_its_own_program_alone(
    facts: Facts, scratch: Path
) -> None:
    programs = tuple(
        replace(each, tracepoint="no_such", first_argument="") if each.name == "on_oom" else each
        for each in LIFECYCLE.programs
    )
    loaded = bcc_loader.load(replace(LIFECYCLE, programs=programs), facts)
    try:
        loaded.attach(programs[0])
        with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
            loaded.attach(programs[2])
        assert set(loaded.links) == {"on_exec"}
        loaded.attach(programs[0])
        loaded.detach("on_exec")
        loaded.detach("on_exec")
        assert loaded.links == {}
    finally:
        loaded.close()


def running(pid: int) -> bool:
    """Alive and not a zombie that nobody has reaped yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
