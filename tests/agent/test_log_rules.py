"""agent/log_rules.py: what a rule may say."""

from __future__ import annotations

import pytest

from agent.configfile import ConfigError, load
from agent.log_rules import LogRule


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("multiline", ("cobol",)),
        ("multiline_start", "("),
        ("include", ("[",)),
        ("exclude", ("(a+)+",)),
        ("redact", ("everything",)),
        ("redact_own", ("no-equals",)),
        ("redact_own", ("Bad Name=x",)),
        ("redact_own", ("id=(",)),
        ("redact_own", ("id=x*",)),
        ("sample", 1.5),
        ("rate_lines", -1.0),
        ("rate_bytes", float("nan")),
        ("max_line", 10),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_named(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{key}"):
        LogRule(**{key: value})  # type: ignore[arg-type]


def test_a_file_names_the_rule_with_a_broken_expression(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "agent.toml"
    path.write_text(
        '[[logs.processing]]\nnamespace = "shop"\n[[logs.processing]]\nexclude = ["("]\n'
    )
    with pytest.raises(ConfigError, match=r"logs\.processing\[1\].*exclude: '\('"):
        load(str(path))


def test_a_file_with_rules_is_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "agent.toml"
    path.write_text(
        '[logs]\nlabels = ["team"]\n[[logs.processing]]\ncontainer = "web"\nmultiline = ["java"]\n'
        "rate_lines = inf\nsample = 0.5\n"
    )
    config = load(str(path))
    assert config.logs.labels == ("team",)
    (rule,) = config.logs.processing
    assert rule == LogRule(
        container="web", multiline=("java",), rate_lines=float("inf"), sample=0.5
    )
