"""The agent's API: who may ask, what is understood, what is answered; and the client's side."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import PATH, Api
from agent.config import ApiConfig, Config, MetricsConfig, ProbesConfig, WebConfig
from agent.exchange import Request, Response
from agent.fleet.access import Access
from agent.fleet.remote import RemoteAgent
from agent.fleet.server import CannotAsk
from agent.history.reader import SavedFile
from agent.history.ring import Bounds, Ring
from agent.model import Snapshot
from agent.server import MetricsServer
from agent.web.faults import BadWebFile
from tests.agent.diagnosis.scenes import look
from tests.agent.snapshots import docker, reading
from tests.agent.test_server import FakePages

SECRET = "hunter2hunter2"


def snapshots() -> list[Snapshot]:
    web = replace(docker("web"), labels={"app": "web", "db.password": SECRET})
    return look(
        {"web": [reading(usage_usec=tick * 500_000) for tick in range(5)]},
        containers={"web": web},
    )


def api(*, token_file: Path | None = None, history: str = "", local: bool = True) -> Api:
    kept = snapshots()
    return Api(
        lambda: kept[-1],
        lambda: kept,
        history=history,
        token_file="" if token_file is None else str(token_file),
        kept_labels=(),
        local=local,
    )


def ask(of: Api, query: str = "", *, authorization: str = "", host: str = "localhost") -> Response:
    return of.answer(Request(query=query, host=host, authorization=authorization))


@contextmanager
def serving(of: Api) -> Iterator[str]:
    server = MetricsServer(("127.0.0.1", 0), FakePages(), sites={PATH: of})
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield f"127.0.0.1:{server.address[1]}"
    finally:
        server.stop()
        thread.join()


def test_what_is_asked_for_comes_over_without_secrets() -> None:
    with serving(api()) as host:
        remote = RemoteAgent(host)
        window, newest = remote.window(), remote.snapshot()
    assert [snapshot.taken_at for snapshot in window] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert newest == window[-1]
    (sample,) = newest.samples
    assert sample.reading == snapshots()[-1].samples[0].reading
    assert sample.container is not None
    assert sample.container.labels["app"] == "web"
    assert SECRET not in sample.container.labels["db.password"]
    assert SECRET not in repr(window)


def test_the_past_comes_as_a_file_of_it(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path), Bounds(max_bytes=10**7, seconds=1e9))
    for snapshot in snapshots():
        ring.add(snapshot)
    ring.close()
    since, until = snapshots()[1].wall_time, snapshots()[3].wall_time
    with serving(api(history=str(tmp_path))) as host:
        fd = RemoteAgent(host).file(since, until)
        past = SavedFile(f"/proc/self/fd/{fd}")
        assert past.moments(0.0, 1e11) == (since, snapshots()[2].wall_time, until)
        with pytest.raises(CannotAsk, match="nothing is kept of that time"):
            RemoteAgent(host).file(1.0, 2.0)


def test_a_history_that_is_off_or_not_begun_is_not_there(tmp_path: Path) -> None:
    for directory in ("", str(tmp_path / "none")):
        response = ask(api(history=directory), "since=1&until=2")
        assert response.status == "404 Not Found"


def test_only_who_has_the_token_is_let_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    of = api(token_file=token)
    assert ask(of, authorization="Bearer t0ken").status == "200 OK"
    for wrong in ("", "Bearer ", "Bearer t0ke", "Basic t0ken", "t0ken", "Bearer tökén"):
        refused = ask(of, authorization=wrong)
        assert refused.status == "401 Unauthorized"
        assert dict(refused.headers)["WWW-Authenticate"] == "Bearer"
    token.write_text("other")
    assert ask(of, authorization="Bearer other").status == "200 OK"
    token.write_text("")
    assert ask(of, authorization="Bearer ").status == "401 Unauthorized"
    token.unlink()
    assert ask(of, authorization="Bearer other").status == "401 Unauthorized"
    assert ask(of, authorization="Bearer other").status == "401 Unauthorized"
    said = [record.message for record in caplog.records]
    assert [line.partition(": [api]")[0] for line in said] == ["nobody may ask"] * 2
    assert "is empty" in said[0]
    assert "No such file" in said[1]


def test_the_client_sends_it_and_says_when_it_is_missing(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken")
    with serving(api(token_file=token)) as host:
        assert RemoteAgent(host, Access(authorization="Bearer t0ken")).window()
        with pytest.raises(CannotAsk, match="--http-config FILE"):
            RemoteAgent(host).window()


def test_another_sites_name_reads_nothing_on_the_loopback() -> None:
    assert ask(api(), host="evil.example").status == "421 Misdirected Request"
    assert ask(api(local=False), host="node-7.example").status == "200 OK"


@pytest.mark.parametrize(
    "query",
    [
        *("since=1", "until=1", "since=2&until=1", "since=x&until=1", "since=nan&until=1"),
        *("newest=0", "other=1", "since=-1&until=1", "since=1&until=inf", "&&&"),
    ],
)
def test_what_is_no_query_is_said(query: str) -> None:
    assert ask(api(), query).status == "400 Bad Request"


@given(st.text())
def test_no_query_breaks_it(query: str) -> None:
    assert ask(api(), query).status[:3] in ("200", "400", "404")


def test_what_is_no_agent_is_said() -> None:
    server = MetricsServer(("127.0.0.1", 0), FakePages())
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        with pytest.raises(CannotAsk, match=r"\[api\] enabled = true"):
            RemoteAgent(f"127.0.0.1:{server.address[1]}").window()
    finally:
        server.stop()
        thread.join()


def test_an_api_open_to_everybody_is_refused(tmp_path: Path) -> None:
    from agent.daemon import Daemon

    def daemon(listen: str, token_file: str = "") -> Daemon:
        return Daemon(
            Config(
                metrics=MetricsConfig(listen=listen),
                probes=ProbesConfig(enabled=False),
                web=WebConfig(page="never"),
                api=ApiConfig(enabled=True, token_file=token_file),
            )
        )

    with pytest.raises(BadWebFile, match="lets everybody read it"):
        daemon("0.0.0.0:0")
    with pytest.raises(BadWebFile, match=r"token_file .*none: No such file"):
        daemon("0.0.0.0:0", str(tmp_path / "none"))
    (tmp_path / "token").write_text("\n")
    with pytest.raises(BadWebFile, match="token: is empty"):
        daemon("0.0.0.0:0", str(tmp_path / "token"))
    (tmp_path / "token").write_text("t0ken")
    for listen, token in (("127.0.0.1:0", ""), ("0.0.0.0:0", str(tmp_path / "token"))):
        built = daemon(listen, token)
        try:
            assert built.address[1]
        finally:
            built._server.stop()
            built._closing.close()
