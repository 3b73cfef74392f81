"""agent/logs/processing/settings.py"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.container import Container
from agent.container.log_annotations import PREFIX
from agent.log_rules import KINDS, LogRule
from agent.logs.processing.settings import NOTHING, matches, resolve

WEB = Container(
    runtime="containerd",
    id="f" * 64,
    name="f" * 64,
    container="web",
    pod="web-5f7d",
    namespace="shop",
    image="registry.example/shop/web:1.2",
    labels={"team": "blue"},
)


def labelled(**labels: str) -> Container:
    return replace(
        WEB, labels={PREFIX + key.replace("_", "-"): value for key, value in labels.items()}
    )


def test_nothing_said_is_nothing_done() -> None:
    assert resolve(WEB, (), container_rules=True).rule == NOTHING
    assert (
        resolve(WEB, (LogRule(namespace="other", level="on"),), container_rules=True).rule
        == NOTHING
    )


@pytest.mark.parametrize(
    "rule",
    [
        LogRule(),
        LogRule(container="w*"),
        LogRule(container="f" * 64),
        LogRule(namespace="shop", pod="web-*"),
        LogRule(image="*/shop/web:*"),
        LogRule(label="team"),
        LogRule(label="team=bl*"),
    ],
)
def test_a_rule_fits_by_every_key_it_has(rule: LogRule) -> None:
    assert matches(rule, WEB)


@pytest.mark.parametrize(
    "rule",
    [
        LogRule(container="db"),
        LogRule(container="web", namespace="kube-*"),
        LogRule(label="owner"),
        LogRule(label="team=red"),
        LogRule(pod="web"),
    ],
)
def test_a_rule_that_misses_in_one_key_does_not_fit(rule: LogRule) -> None:
    assert not matches(rule, WEB)


def test_later_rules_win_key_by_key() -> None:
    rules = (
        LogRule(multiline=("java",), level="on", rate_lines=10.0),
        LogRule(namespace="shop", multiline=("off",), rate_lines=float("inf")),
    )
    assert resolve(WEB, rules, container_rules=True).rule == LogRule(level="on")


def test_labels_say_the_same() -> None:
    asked = labelled(
        multiline="java, python", json="flat", exclude="^GET /a,b", sample="0.5", rate_lines="100"
    )
    assert resolve(asked, (), container_rules=True).rule == LogRule(
        multiline=("java", "python"),
        json="flat",
        exclude=("^GET /a,b",),
        sample=0.5,
        rate_lines=100,
    )
    assert resolve(asked, (), container_rules=False).rule == NOTHING


def test_a_label_cannot_loosen_what_a_rule_guards() -> None:
    rule = LogRule(rate_lines=100.0, max_line=1000, redact=("jwt",))
    loose = resolve(
        labelled(rate_lines="inf", max_line="100000", redact="email"), (rule,), container_rules=True
    )
    assert loose.rule == LogRule(rate_lines=100.0, max_line=1000, redact=("jwt", "email"))
    tight = resolve(labelled(rate_lines="5", max_line="64"), (rule,), container_rules=True)
    assert (tight.rule.rate_lines, tight.rule.max_line) == (5.0, 64)


def test_a_label_chooses_another_form() -> None:
    rule = LogRule(multiline=("java",), json="nested")
    assert resolve(
        labelled(multiline="go", json="off"), (rule,), container_rules=True
    ).rule == LogRule(multiline=("go",))


def test_wrong_labels_are_told_and_left_out() -> None:
    found = resolve(
        labelled(multiline="cobol", exclude="(a+)+", colour="red", rate_lines="many", level="on"),
        (),
        container_rules=True,
    )
    assert found.rule == LogRule(level="on")
    assert len(found.problems) == 4
    assert all(problem.startswith(f"label {PREFIX}") for problem in found.problems)


def test_all_means_every_kind() -> None:
    assert resolve(labelled(redact="all"), (), container_rules=True).rule.redact == KINDS


def annotated(annotations: dict[str, str], labels: dict[str, str] | None = None) -> Container:
    def whole(texts: dict[str, str]) -> dict[str, str]:
        return {PREFIX + key: value for key, value in texts.items()}

    return replace(WEB, log_annotations=whole(annotations), labels=whole(labels or {}))


def test_a_pods_annotations_say_the_same() -> None:
    asked = annotated({"multiline": "java", "exclude": "^GET /healthz HTTP/1\\.[01]$"})
    assert resolve(asked, (), container_rules=True).rule == LogRule(
        multiline=("java",), exclude=("^GET /healthz HTTP/1\\.[01]$",)
    )
    assert resolve(asked, (), container_rules=False).rule == NOTHING


def test_what_names_another_container_of_the_pod_is_not_for_this_one() -> None:
    asked = annotated({"web.multiline": "java", "proxy.multiline": "go", "proxy.level": "on"})
    assert resolve(asked, (), container_rules=True).rule == LogRule(multiline=("java",))


def test_an_annotation_beats_a_label_and_a_name_beats_both() -> None:
    asked = annotated(
        {"multiline": "python", "json": "flat"},
        {"multiline": "java", "json": "nested", "level": "on", "web.multiline": "go"},
    )
    assert resolve(asked, (), container_rules=True).rule == LogRule(
        multiline=("go",), json="flat", level="on"
    )


def test_an_annotation_cannot_loosen_what_a_rule_or_the_pod_guards() -> None:
    rule = LogRule(rate_lines=100.0, redact=("jwt",))
    asked = annotated(
        {"rate-lines": "50", "web.rate-lines": "1000", "web.redact": "email", "max-line": "500"}
    )
    assert resolve(asked, (rule,), container_rules=True).rule == LogRule(
        rate_lines=50.0, redact=("jwt", "email"), max_line=500
    )


def test_a_wrong_annotation_is_told_as_one() -> None:
    found = resolve(annotated({"web.multiline": "cobol"}), (), container_rules=True)
    assert found.rule == NOTHING
    (problem,) = found.problems
    assert problem.startswith(f"annotation {PREFIX}web.multiline: ")


def test_outside_a_pod_a_name_fits_nothing_and_that_is_told() -> None:
    asked = replace(WEB, container="", pod="", labels={f"{PREFIX}web.level": "on"})
    found = resolve(asked, (), container_rules=True)
    assert found.rule == NOTHING
    assert len(found.problems) == 1


def test_a_container_may_have_a_dot_in_its_name() -> None:
    asked = replace(annotated({"my.app.level": "on", "app.json": "flat"}), container="my.app")
    assert resolve(asked, (), container_rules=True) == resolve(
        replace(annotated({"level": "on"}), container="my.app"), (), container_rules=True
    )


KEYS = st.sampled_from(sorted(LogRule.__slots__)).map(lambda name: name.replace("_", "-"))
VALUES = st.one_of(
    st.text(), st.sampled_from(["java", "all", "on", "0.5", "-1", "nan", "inf", "9" * 5000, "a=b"])
)


@given(st.dictionaries(st.one_of(KEYS, KEYS.map("web.{}".format), st.text()), VALUES))
def test_whatever_is_asked_is_done_or_told(asked: dict[str, str]) -> None:
    rule = LogRule(rate_lines=100.0, redact=("jwt",))
    found = resolve(annotated(asked), (rule,), container_rules=True)
    assert 0 < found.rule.rate_lines <= 100
    assert "jwt" in found.rule.redact
    assert len(found.problems) <= len(asked)
