"""One container closely: what is wrong and why one knows, then its charts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from operator import attrgetter
from typing import Final

from agent import units
from agent.diagnosis.diagnose import Verdict
from agent.diagnosis.finding import Finding
from agent.diagnosis.text import Style
from agent.encodable import escaped
from agent.kernelfile import Unlimited
from agent.records import NamedTuple
from agent.usage import Unknown, Usage
from agent.webpage.chart import Line, chart
from agent.webpage.past import points
from agent.webpage.timeline import Timeline

sign: Final = Style().sign
"""A finding's mark, which is not told by its colour alone."""


class _Chart(NamedTuple):
    title: str
    lines: tuple[tuple[str, str], ...]
    """(label, field of Usage)."""
    write: Callable[[float], str]
    limit: str = ""
    """The field of Usage that is drawn as the limit."""


def _percent(ratio: float) -> str:
    return f"{units.human_percent(ratio)}%"


def _rate(count: float) -> str:
    return f"{units.human_rate(count)}B/s"


_CHARTS: Final = (
    _Chart("CPU, cores", (("", "cpu_cores"),), units.human_cores, "cpu_limit_cores"),
    _Chart("Memory", (("", "memory_working_set"),), units.human_size, "memory_limit"),
    _Chart("CPU periods throttled", (("", "throttled_ratio"),), _percent),
    _Chart(
        "Waiting",
        (
            ("cpu", "cpu_pressure_some"),
            ("memory", "memory_pressure_some"),
            ("i/o", "io_pressure_some"),
        ),
        _percent,
    ),
    _Chart(
        "Network",
        (("in", "receive_bytes_per_second"), ("out", "transmit_bytes_per_second")),
        _rate,
    ),
    _Chart(
        "Disks",
        (("read", "read_bytes_per_second"), ("written", "write_bytes_per_second")),
        _rate,
    ),
)
_WHY_NONE: Final = {
    Unknown.DENIED: "not permitted",
    Unknown.UNSUPPORTED: "not told by this host",
    Unknown.PENDING: "not known yet",
    Unknown.INAPPLICABLE: "no limit, or nothing to count",
    Unknown.DAMAGED: "could not be read",
}


FIELDS: Final = tuple(dict.fromkeys(field for each in _CHARTS for _, field in each.lines))
"""Of Usage: what the charts draw."""


class Choice(NamedTuple):
    """A length of time that may be asked for."""

    name: str
    link: str
    chosen: bool


def minute(past: Sequence[tuple[float, Usage]]) -> Timeline:
    """The charts' values of the Snapshots that are in memory."""
    return {field: points(past, attrgetter(field)) for field in FIELDS}


def detail(
    verdict: Verdict,
    timeline: Timeline,
    *,
    back: str,
    wall_time: float,
    choices: Sequence[Choice] = (),
) -> str:
    """
    `back`: the URL of the table. A verdict of a container that is there.

    `choices`: how far back the charts may reach, where there is a choice.
    """
    assert verdict.subject is not None
    usage = verdict.subject.usage
    found = "".join(_finding(finding) for finding in verdict.findings)
    checks = f"{units.plural(verdict.passed, 'check')} passed"
    said = "nothing else unusual" if verdict.findings else "nothing unusual"
    blind = "".join(
        f"<li>{escape(lack.rule)}: {escape(lack.reason)}; {escape(lack.remedy)}</li>"
        for lack in verdict.blind
    )
    if blind:
        count = units.plural(len(verdict.blind), "check")
        blind = f"<details><summary>{count} not possible</summary><ul>{blind}</ul></details>"
    charts = "".join(_chart(each, usage, timeline) for each in _CHARTS)
    return (
        f'<p class="back"><a href="{escape(back)}">← all containers</a></p>'
        f"<h2>{escape(verdict.name)}</h2>{_facts(usage, wall_time)}"
        f'<section class="findings">{found}<p class="good">✔ {said} ({checks})</p>{blind}</section>'
        f"{_choice(choices)}"
        f'<section class="charts">{charts}</section>'
    )


def _facts(usage: Usage, wall_time: float) -> str:
    container = usage.container
    assert container is not None
    age = usage.age(wall_time)
    facts = [
        ("image", container.image),
        ("runtime", container.runtime),
        ("id", container.id[:12]),
        ("up", "" if age is None else units.human_duration(age)),
        ("cgroup", escaped(usage.cgroup.path)),
    ]
    written = "".join(
        f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts if text
    )
    return f"<dl>{written}</dl>"


def _finding(finding: Finding) -> str:
    word = finding.severity.word
    evidence = "".join(
        f"<li>{escape(fact.says)} <code>{escape(fact.source)}</code></li>"
        for fact in finding.evidence
    )
    advice = "".join(f'<p class="advice">→ {escape(text)}</p>' for text in finding.advice)
    return (
        f'<article class="of-{word}"><h3><b class="{word}">{sign(finding.severity)}</b>'
        f" {escape(finding.rule)} <span>{escape(finding.summary)}</span>"
        f" <small>{finding.confidence.value} confidence</small></h3>"
        f"<ul>{evidence}</ul>{advice}</article>"
    )


def _choice(choices: Sequence[Choice]) -> str:
    if not choices:
        return ""
    links = "".join(
        f'<a href="{escape(one.link)}"'
        + (' aria-current="true"' if one.chosen else "")
        + f">{one.name}</a>"
        for one in choices
    )
    return f'<nav aria-label="how far back the charts reach">the last {links}</nav>'


def _chart(each: _Chart, usage: Usage, timeline: Timeline) -> str:
    limit = getattr(usage, each.limit) if each.limit else None
    why = usage.unknown.get(each.lines[0][1], Unknown.PENDING)
    return chart(
        each.title,
        [Line(label, timeline[field]) for label, field in each.lines],
        each.write,
        top=None if limit is None or isinstance(limit, Unlimited) else float(limit),
        none=_WHY_NONE[why],
    )
