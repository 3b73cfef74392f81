"""agent top without a terminal. Live: tests/agent/top/test_live.py."""

from __future__ import annotations

import argparse
import csv
import io
import json
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from agent.cli import top
from agent.cli.top_print import show
from agent.cli.top_view import BadChoice, view_of
from agent.model import Snapshot
from tests.agent.top.scene import snapshots


class FakeSource:
    """The scene's two ticks, over and over."""

    def __init__(self) -> None:
        self.count = 0

    def snapshot(self) -> Snapshot:
        self.count += 1
        return snapshots()[(self.count - 1) % 2]


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    top.register(parser.add_subparsers())
    return parser.parse_args(["top", "-d", "0.1", *argv])


def run(*argv: str) -> int:
    arguments = parse(*argv)
    assert top.prints(arguments)
    return show(arguments, view_of(arguments), FakeSource())


def test_once_prints_one_table_and_explains_the_signs_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--once") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["NAME", "STATE", "CPU"]
    assert lines[1].startswith("search")
    assert "✖ OOM-killed 1 time" in lines[1]
    assert len(lines) == 7
    assert "IMAGE" not in lines[0]
    assert "not permitted" in err


def test_without_a_terminal_it_prints_and_does_not_wait_for_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run() == 0
    assert capsys.readouterr().out.startswith("NAME")


def test_json_is_one_object_a_line_in_the_order_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("-o", "json", "-n", "3", "--sort", "memory", "--all") == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(documents) == 3
    assert documents[0]["cgroups"][1]["name"] == "search"
    assert len(documents[0]["cgroups"]) == 9


def test_tables_are_parted_by_an_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-n", "2", "--filter", "search", "--wide") == 0
    tables = capsys.readouterr().out.split("\n\n")
    assert len(tables) == 2
    assert all("IMAGE" in table and "search" in table for table in tables)
    assert "checkout" not in tables[0]


def test_reverse_and_ascii_reach_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--once", "--sort", "name", "-r", "--ascii") == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.splitlines()[2].startswith("shop/")


@pytest.mark.parametrize("argv", [["-d", "0"], ["-d", "x"], ["-n", "0"], ["-o", "xml"]])
def test_a_wrong_option_is_a_usage_error(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(*argv)
    assert exit_info.value.code == 2


def test_a_column_that_is_not_there_is_a_usage_error_which_lists_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert parse("--sort", "x").run(parse("--sort", "x")) == 2
    assert "mem.of_limit" in capsys.readouterr().err


def test_csv_has_a_header_once_and_a_line_for_each_container_and_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("-b", "-n", "2", "-o", "csv", "--fields", "cpu,mem.limit,why", "--sort", "cpu") == 0
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(found) == 12
    assert list(found[0]) == ["time", "name", "cpu", "mem.limit", "why"]
    assert found[0]["name"] == "batch-etl-28841"
    assert found[0]["mem.limit"] == str(8192 * 1024**2)
    wide = next(each for each in found if "監視" in each["name"])
    assert wide["mem.limit"] == "unlimited"
    blind = next(each for each in found if each["name"] == "rootless-db")
    assert blind["mem.limit"] == ""


def test_json_lines_of_groups_are_their_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--once", "-o", "jsonl", "--group", "runtime", "--top", "1") == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["name"], found["containers"]) == ("docker", 4)
    assert found["cpu"] == pytest.approx(8.52)
    assert found["mem.of_limit"] == "unlimited"
    assert found["severity"] == 3


def test_openmetrics_is_understood_by_prometheus_own_parser(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--once", "-o", "openmetrics") == 0
    page = capsys.readouterr().out
    families = {f.name: f for f in text_string_to_metric_families(page)}  # type: ignore[no-untyped-call]  # the library's
    cores = families["agent_top_cpu_cores"]
    assert cores.unit == "cores"
    by_name = {sample.labels["name"]: sample.value for sample in cores.samples}
    assert by_name["batch-etl-28841"] == pytest.approx(7.9)
    assert "job" not in by_name
    limits = families["agent_top_mem_of_limit_ratio"]
    assert float("inf") in [sample.value for sample in limits.samples]
    assert "agent_top_why" not in families


def test_svg_is_a_picture_of_the_screen(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("--once", "-o", "svg", "--size", "100x20") == 0
    picture = ET.fromstring(capsysbinary.readouterr().out)
    text = " ".join(picture.itertext())
    assert "throttled 60% of periods" in text
    assert "監視" in text
    assert not [key for each in picture.iter() for key in each.attrib if "href" in key]


def test_fields_choose_the_columns_of_a_table_and_sort_goes_either_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--once", "--fields", "id,cpu", "--sort=-cpu", "--no-headers", "--top", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].split()[-1] == "0.00"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--filter", "cpu>x"], "cpu>x\n      ^"),
        (["--group", "colour"], "pod, host, namespace, project, image, runtime"),
        (["--fields", "name,colour"], "there is no field 'colour'"),
    ],
)
def test_a_wrong_choice_is_told_in_words(argv: list[str], says: str) -> None:
    with pytest.raises(BadChoice) as raised:
        view_of(parse(*argv))
    assert says in str(raised.value)
