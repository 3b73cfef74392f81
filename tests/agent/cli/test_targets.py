from __future__ import annotations

from dataclasses import replace

import pytest

from agent.cli import targets
from agent.cli.exits import NOT_FOUND, USAGE
from tests.agent.snapshots import docker, pod, sample, snapshot

HOST = snapshot(
    sample(inode=1, path="/docker/a", container=docker("web")),
    sample(inode=2, path="/pods/a", container=pod("shop", "api", "app")),
    sample(inode=3, path="/pods/b", container=pod("shop", "api", "side")),
)


def test_one_that_fits_is_the_one() -> None:
    found = targets.the_one("inspect", "web", targets.parsed("inspect", "web"), HOST, "/proc")
    assert found.cgroup.inode == 1


def test_several_that_fit_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        targets.the_one("why", "shop/api", targets.parsed("why", "shop/api"), HOST, "/proc")
    assert ended.value.code == NOT_FOUND
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "agent why: 'shop/api' may be any of 2:"
    assert [line.split()[0] for line in err[1:]] == ["shop/api/app", "shop/api/side"]


def test_none_that_fits_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        targets.the_one("why", "db", targets.parsed("why", "db"), HOST, "/proc")
    assert ended.value.code == NOT_FOUND
    assert "no running container is 'db'" in capsys.readouterr().err


def test_what_is_no_target_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        targets.parsed("inspect", "pid:web")
    assert ended.value.code == USAGE
    assert "agent inspect: 'pid:web': a pid is a number" in capsys.readouterr().err


def test_what_runs_beside_containers_is_no_candidate() -> None:
    host = replace(HOST, samples=(*HOST.samples, sample(inode=4, path="/system.slice")))
    assert [found.cgroup.inode for found in targets.candidates(host)] == [1, 2, 3]


def test_a_name_that_is_nearly_right_is_asked_about() -> None:
    taken = snapshot(
        *(
            sample(inode=place, path=f"/docker/{name}", container=docker(name))
            for place, name in enumerate(("web-1", "web-2", "checkout"), 1)
        )
    )
    assert targets.near("web", taken) == ["web-1", "web-2"]
    assert targets.near("chekout", taken) == ["checkout"]
    assert targets.near("nothing", taken) == []
