"""agent.configfile: what a person may write, and what they are told when it is wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Config
from agent.configfile import ConfigError, keys, load
from agent.file_destination import FileDestination
from agent.log_destinations import DESTINATIONS, FluentdDestination, ForwardServer

GOOD = """
[metrics]
listen = "0.0.0.0:9999"
interval = 5

[[logs.destination]]
type = "fluentd"
host = "10.0.0.7"

[[logs.destination]]
type = "file"
path = "/tmp/x.jsonl"
"""


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return str(path)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    return caught.value.problems


def test_nothing_at_all_is_the_defaults() -> None:
    assert load() == Config()


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config.metrics.listen == "0.0.0.0:9999"
    assert config.metrics.interval == 5.0
    assert config.logs.destination == (
        FluentdDestination(host="10.0.0.7"),
        FileDestination(path="/tmp/x.jsonl"),
    )
    assert config.paths == Config().paths


def test_set_beats_environment_beats_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    environment = {"AGENT_METRICS_LISTEN": "127.0.0.1:1", "AGENT_PROBES_ENABLED": "false"}
    assert load(path, environment).metrics.listen == "127.0.0.1:1"
    assert load(path, environment).probes.enabled is False
    assert load(path, environment, ["metrics.listen=[::1]:2"]).metrics.listen == "[::1]:2"


def test_a_list_can_be_set_from_the_environment() -> None:
    config = load(environment={"AGENT_PATHS_DOCKER": '["/a", "/b"]'})
    assert config.paths.docker == ("/a", "/b")


def test_an_unknown_key_is_named_with_its_nearest(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[metrics]\nlisen = ":1"\n')
    assert problem.endswith("agent.toml:2: unknown key 'metrics.lisen'; did you mean 'listen'?")


def test_an_unknown_section_an_unknown_variable_and_an_unknown_setting_are_errors() -> None:
    with pytest.raises(ConfigError) as caught:
        load(environment={"AGENT_METRIC_LISTEN": "x"}, settings=["metric.listen=x", "no"])
    assert caught.value.problems == (
        "environment AGENT_METRIC_LISTEN: unknown variable; did you mean 'AGENT_METRICS_LISTEN'?",
        "--set metric.listen=x: unknown key 'metric.listen'; did you mean 'metrics.listen'?",
        "--set no: write KEY=VALUE",
    )


def test_a_wrong_type_is_named_with_key_and_value(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[metrics]\ninterval = "often"\n')
    assert problem.endswith("metrics.interval = 'often': must be a number")


def test_true_is_not_a_number(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[metrics]\ninterval = true\n")
    assert problem.endswith("metrics.interval = True: must be a number")


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = '[metrics]\nlisten = 1\ninterval = "x"\n[logs]\nenabled = "yes"\n[prob]\n'
    assert len(problems(tmp_path, text)) == 4


def test_a_value_out_of_range_is_refused(tmp_path: Path) -> None:
    text = '[metrics]\nlisten = "localhost"\n[[logs.destination]]\ntype = "fluentd"\nport = 0\n'
    first, second = problems(tmp_path, text)
    assert "listen = 'localhost': must be HOST:PORT" in first
    assert "port = 0: must be 1 to 65535" in second


def test_the_same_destination_twice_is_refused(tmp_path: Path) -> None:
    text = '[[logs.destination]]\ntype = "fluentd"\n' * 2
    (problem,) = problems(tmp_path, text)
    assert "destination fluentd 127.0.0.1:24224 is there twice" in problem


def test_other_programs_agent_variables_are_not_ours() -> None:
    assert load(environment={"AGENT_NAME": "builder-7", "AGENT_PORT_80_TCP": "tcp://"}) == Config()


def test_a_destination_may_have_rows_of_its_own(tmp_path: Path) -> None:
    text = (
        '[[logs.destination]]\ntype = "fluentd"\nhost = "a"\n'
        '[[logs.destination.server]]\nhost = "b"\nweight = 3\n'
        '[[logs.destination.server]]\nhost = "c"\nstandby = true\n'
    )
    (destination,) = load(write(tmp_path, text)).logs.destination
    assert isinstance(destination, FluentdDestination)
    assert destination.servers == (
        ForwardServer("a"), ForwardServer("b", weight=3), ForwardServer("c", standby=True),
    )  # fmt: skip
    (problem,) = problems(tmp_path, text.replace("weight", "wait"))
    assert "unknown key 'logs.destination[0].server[0].wait'" in problem


def test_a_row_that_lacks_what_it_needs_is_refused_in_words(tmp_path: Path) -> None:
    text = '[[logs.destination]]\ntype = "fluentd"\n[[logs.destination.server]]\nport = 1\n'
    (problem,) = problems(tmp_path, text)
    assert problem.endswith("[logs.destination[0]] server: each needs a host")


@pytest.mark.parametrize("key", ["logs.destination", "logs.processing", "logs.files"])
def test_one_section_where_there_may_be_several_is_told_how_to_write_it(
    tmp_path: Path, key: str
) -> None:
    (problem,) = problems(tmp_path, f'[{key}]\nname = "x"\n')
    assert problem.endswith(f"each one is a section, write [[{key}]]")


def test_a_destination_of_no_known_type_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[[logs.destination]]\ntype = "fluent"\n')
    known = ", ".join(DESTINATIONS)
    assert problem.endswith(f"type must be one of {known}; did you mean 'fluentd'?")


def test_a_plain_value_where_a_section_belongs_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "metrics = 3\n")
    assert problem.endswith("metrics = 3: is a section, write [metrics]")


def test_text_that_is_not_toml_is_refused_with_its_place(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[metrics\n")
    assert "this is not TOML" in problem
    assert "line 1" in problem


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(str(tmp_path / "none.toml"))


def test_every_key_is_listed() -> None:
    assert "metrics.listen" in keys()
    assert "logs.destination" in keys()
    assert all("." in key for key in keys())


@given(st.dictionaries(st.sampled_from(keys()), st.text(max_size=20), max_size=4))
def test_no_text_in_the_environment_is_worse_than_a_config_error(values: dict[str, str]) -> None:
    environment = {"AGENT_" + key.upper().replace(".", "_"): text for key, text in values.items()}
    with contextlib.suppress(ConfigError):
        assert load(environment=environment).paths.proc is not None
