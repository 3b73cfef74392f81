"""agent/cli/logs.py: which container, and exit codes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.exits import NOT_FOUND, NOT_PERMITTED, OK, USAGE
from tests.log_host import ROOT, LogHost, wait_for

POD = "var/log/pods/shop_web-5f7d_0b3c8d1e-0000-4000-8000-000000000001/app"
TIME = "2026-11-24T03:16:16.105173157Z"


@pytest.fixture
def host(tmp_path: Path) -> LogHost:
    host = LogHost(tmp_path)
    for number, name in enumerate(("web", "worker", "web-2")):
        log = host.add_container(f"{number}{'ab' * 31}c", name)
        row = {"log": f"from {name}\n", "stream": "stdout", "time": TIME}
        log.write_text(json.dumps(row, separators=(",", ":")) + "\n")
    pod = tmp_path / POD
    pod.mkdir(parents=True)
    for attempt in (0, 1, 2):
        (pod / f"{attempt}.log").write_text(f"{TIME} stdout F run {attempt}\n")
    return host


def arguments(host: LogHost, *more: str) -> list[str]:
    config = host.root / "agent.toml"
    config.write_text(f'[paths]\nroot = "{host.root}"\nproc = "{host.root}/proc"\n')
    return ["logs", "--config", str(config), *more]


def run(host: LogHost, capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    code = main.main(arguments(host, *more))
    out, err = capfd.readouterr()
    return code, out, err


def test_a_name_and_the_start_of_an_id_find_a_container(
    host: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(host, capfd, "web") == (OK, "from web\n", "")
    assert run(host, capfd, "1ab") == (OK, "from worker\n", "")


def test_of_a_pod_s_container_the_newest_run_is_meant(
    host: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(host, capfd, "shop/web-5f7d/app")[:2] == (OK, "run 2\n")
    assert run(host, capfd, "shop/web-5f7d", "--previous")[:2] == (OK, "run 1\n")


def test_docker_has_no_previous_run(host: LogHost, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(host, capfd, "web", "--previous")
    assert (code, out) == (NOT_FOUND, "")
    assert "no earlier run" in err


def test_several_that_fit_are_listed(host: LogHost, capfd: pytest.CaptureFixture[str]) -> None:
    host.add_container("1" + "cd" * 31 + "e", "other").touch()
    code, out, err = run(host, capfd, "1")
    assert (code, out) == (NOT_FOUND, "")
    assert "worker" in err
    assert "other" in err


def test_nobody_is_said(host: LogHost, capfd: pytest.CaptureFixture[str]) -> None:
    code, _out, err = run(host, capfd, "nobody")
    assert code == NOT_FOUND
    assert "'nobody'" in err


def test_a_cgroup_s_path_finds_its_container(
    host: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(host, capfd, f"cgroup:/docker/1{'ab' * 31}c/sub")[:2] == (OK, "from worker\n")


@pytest.mark.parametrize(
    "wrong", [["a//b"], [], ["web", "--grep", "("], ["web", "--since", "soon"], ["web", "-n", "-1"]]
)
def test_what_makes_no_sense_is_a_usage_error(host: LogHost, wrong: list[str]) -> None:
    try:
        code = main.main(arguments(host, *wrong))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else -1
    assert code == USAGE


def test_a_reader_that_has_enough_ends_it_quietly(host: LogHost) -> None:
    log = host.containers / f"0{'ab' * 31}c" / f"0{'ab' * 31}c-json.log"
    log.write_bytes(log.read_bytes() * 50_000)
    with subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments(host, "web")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"from web\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 128 + 13


def test_who_is_not_there_is_told_who_may_be_meant(
    host: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "did you mean worker?" in run(host, capfd, "work")[2]
    assert "did you mean web?" in run(host, capfd, "wep")[2]
    everybody = "there are shop/web-5f7d/app, web, web-2, worker"
    assert everybody in run(host, capfd, "nobody")[2]
    assert everybody in run(host, capfd)[2]
    assert run(host, capfd, "web", "-n", "0") == (OK, "", "")


def test_a_run_of_which_only_a_rotated_file_is_left_is_printed(
    host: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    pod = host.root / POD
    for attempt in (0, 1):
        (pod / f"{attempt}.log").unlink()
    with gzip.open(pod / "2.log.20261124-010000.gz", "wb") as file:
        file.write(f"{TIME} stdout F earlier\n".encode())
    (pod / "2.log").unlink()
    assert run(host, capfd, "shop/web-5f7d/app") == (OK, "earlier\n", "")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_files_that_may_not_be_read_are_no_missing_container(host: LogHost) -> None:
    host.containers.chmod(0)
    shutil.rmtree(host.root / "var/log")
    argv = [sys.executable, "-m", "agent", *arguments(host, "web")]
    if os.geteuid() == 0:  # root, but for the right to read everything
        argv = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *argv]
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    finally:
        host.containers.chmod(0o755)
    assert (done.returncode, done.stdout) == (NOT_PERMITTED, "")
    assert "try as root" in done.stderr
    assert f"{host.containers}: Permission denied" in done.stderr


def test_who_is_followed_is_followed_into_the_next_run(host: LogHost, tmp_path: Path) -> None:
    pod, out = host.root / POD, tmp_path / "out"
    with (pod / "2.log").open("a") as log:
        log.write(f"{TIME} stdout P its last words\n")
    argv = [sys.executable, "-m", "agent", *arguments(host, "-f", "shop/web-5f7d/app")]
    with out.open("wb") as file, subprocess.Popen(argv, cwd=ROOT, stdout=file) as following:
        try:
            wait_for(lambda: out.read_text().startswith("run 2\n"), 20, "what is there")
            (pod / "3.log").write_text(f"{TIME} stdout F run 3\n")
            (pod / "1.log").unlink()  # as the kubelet does
            wanted = "run 2\nits last words\nrun 3\n"
            wait_for(lambda: out.read_text() == wanted, 20, "the next run")
            with (pod / "3.log").open("a") as log:
                log.write(f"{TIME} stdout F goes on\n")
            wait_for(lambda: out.read_text() == wanted + "goes on\n", 20, "what it goes on with")
            shutil.rmtree(pod)
            assert following.wait(20) == 0
        finally:
            following.kill()


@pytest.fixture
def two(host: LogHost) -> LogHost:
    """A pod of two containers that write in turn, and a sandbox beside them."""
    for second, name in enumerate(("app", "proxy", "app", "proxy", "app")):
        directory = (host.root / POD).with_name(name)
        directory.mkdir(exist_ok=True)
        stamp = TIME.replace(":16.", f":{20 + second}.")
        with (directory / "3.log").open("a") as log:
            log.write(f"{stamp} stdout F {name} {second}\n")
    return host


def test_all_of_a_pods_containers_in_the_order_of_their_times(
    two: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(two, capfd, "shop/web-5f7d")
    assert (code, out) == (NOT_FOUND, "")
    assert "--all" in err
    code, out, err = run(two, capfd, "shop/web-5f7d", "--all")
    assert (code, err) == (OK, "")
    assert out.splitlines() == [
        "shop/web-5f7d/app   | app 0",
        "shop/web-5f7d/proxy | proxy 1",
        "shop/web-5f7d/app   | app 2",
        "shop/web-5f7d/proxy | proxy 3",
        "shop/web-5f7d/app   | app 4",
    ]
    code, out, err = run(two, capfd, "shop/web-5f7d", "--all", "-n", "1", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["container_name"], row["log"]) for row in rows] == [
        ("proxy", "proxy 3"),
        ("app", "app 4"),
    ]


def test_several_are_named_one_by_one(two: LogHost, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(two, capfd, "web", "shop/web-5f7d/proxy", "web")
    assert (code, err) == (OK, "")
    assert [line.split(" | ")[1] for line in out.splitlines()] == [
        "from web", "proxy 1", "proxy 3"
    ]  # fmt: skip
    assert run(two, capfd, "web", "nobody")[0] == NOT_FOUND


def test_a_container_that_two_targets_mean_is_printed_once(
    two: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(two, capfd, "shop/web-5f7d", "shop/web-5f7d/proxy", "--all")
    assert (code, err, len(out.splitlines())) == (OK, "", 5)


def test_one_of_several_without_a_log_is_said_and_the_others_printed(
    two: LogHost, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        directory = two.add_container(f"{number}{'ef' * 31}c", "x").parent
        labels = {"com.docker.compose.project": "p", "com.docker.compose.service": "s"}
        config = json.loads((directory / "config.v2.json").read_text())
        config["Name"] = f"/p-s-{number}"
        config["Config"]["Labels"] = labels
        (directory / "config.v2.json").write_text(json.dumps(config))
        if number == 1:
            (directory / "hostconfig.json").write_text('{"LogConfig":{"Type":"none"}}')
        else:
            row = {"log": "second\n", "stream": "stdout", "time": TIME}
            (directory / f"{directory.name}-json.log").write_text(json.dumps(row) + "\n")
    code, out, err = run(two, capfd, "p/s", "--all")
    assert (code, out) == (OK, "second\n")
    assert "log driver none" in err


def test_several_are_followed(two: LogHost, tmp_path: Path) -> None:
    pod, out = (two.root / POD).parent, tmp_path / "out"
    argv = [sys.executable, "-m", "agent", *arguments(two, "-f", "-n", "1", "-a", "shop/web-5f7d")]
    with out.open("wb") as file, subprocess.Popen(argv, cwd=ROOT, stdout=file) as following:
        try:
            wait_for(lambda: out.read_text().count("\n") == 2, 20, "what is there")
            for name in ("app", "proxy"):
                with (pod / name / "3.log").open("a") as log:
                    log.write(f"{TIME} stdout F new of {name}\n")
                wait_for(lambda: out.read_text().endswith(f"| new of {name}\n"), 20, name)  # noqa: B023
            shutil.rmtree(pod)
            assert following.wait(20) == 0
        finally:
            following.kill()
