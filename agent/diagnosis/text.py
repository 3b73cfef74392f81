"""A diagnosis as text for a terminal, and for a pipe. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from agent.diagnosis.diagnose import Diagnosis, Verdict
from agent.diagnosis.ended import facts
from agent.diagnosis.finding import Evidence, Finding, Severity
from agent.diagnosis.scene import Scene
from agent.kernelfile import Unlimited
from agent.records import NamedTuple, dataclass
from agent.units import human_cores, human_duration, human_percent, human_size, plural

_INDENT: Final = "   "
_COLOURS: Final = {Severity.CRITICAL: "31", Severity.WARNING: "33", Severity.NOTICE: "36"}


@dataclass(frozen=True, slots=True)
class Style:
    """How to write."""

    width: int = 100
    colour: bool = False
    ascii_only: bool = False

    def sign(self, severity: Severity) -> str:
        """A finding's mark: never colour alone."""
        signs = "!!", "!", "-" if self.ascii_only else "·"
        if not self.ascii_only:
            signs = "✖", "⚠", "·"
        return signs[Severity.CRITICAL - severity]

    def paint(self, severity: Severity, text: str) -> str:
        """The text in the severity's colour."""
        return f"\033[{_COLOURS[severity]}m{text}\033[0m" if self.colour else text

    @property
    def arrow(self) -> str:
        """Before advice."""
        return "->" if self.ascii_only else "→"

    @property
    def tick(self) -> str:
        """Before what is well."""
        return "ok" if self.ascii_only else "✔"


class Then(NamedTuple):
    """The time that a diagnosis of the past is about, as a person writes it."""

    period: str
    """2026-11-24 03:07:10 to 03:12:00"""
    end: str
    """03:12:00"""


def diagnosis_text(
    diagnosis: Diagnosis,
    scene: Scene,
    style: Style,
    *,
    one: bool = False,
    host: str = "host",
    then: Then | None = None,
) -> str:
    """
    The whole host, or with `one` the verdicts in full even where nothing is wrong.

    `host`: what it is called where there are several. `then`: of the past. Ends with a newline.
    """
    lines = [_host_line(scene, host, then)]
    shown = [v for v in diagnosis.verdicts if one or v.findings]
    for verdict in shown:
        lines.append("")
        lines += _verdict(verdict, scene, style, then)
    quiet = len(diagnosis.verdicts) - len(shown)
    if not one:
        lines.append("")
        noun = "other" if shown else "container"
        lines.append(f"{style.tick} {plural(quiet, noun)}: nothing unusual")
    if diagnosis.blind:
        lines.append("")
        lines.append("checks that could not be made:")
        for lack, count in diagnosis.blind:
            of = "" if one else f" (of {plural(count, 'container')})"
            lines += _wrapped(
                f"{lack.rule}{of}: {lack.reason}; {lack.remedy}", _INDENT, style.width
            )
    return "\n".join(lines) + "\n"


def _host_line(scene: Scene, name: str, then: Then | None) -> str:
    host = scene.host
    parts = [f"{host.cores} CPUs"]
    if host.cpu_ratio is not None:
        parts[0] += f" {human_percent(host.cpu_ratio)}% busy"
    if host.memory_available is not None and host.memory_total:
        used = 1 - host.memory_available / host.memory_total
        parts.append(f"memory {human_percent(used)}% of {human_size(host.memory_total)}")
    looked = human_duration(scene.seconds)
    parts.append(f"looked at {looked}" if then is None else f"{then.period} ({looked})")
    return f"{name}: " + ", ".join(parts)


def _verdict(verdict: Verdict, scene: Scene, style: Style, then: Then | None) -> Iterator[str]:
    yield _heading(verdict, scene, then)
    for finding in verdict.findings:
        yield ""
        yield from _finding(finding, style)
    if verdict.gone is not None and not verdict.findings:
        yield ""
        yield from _evidence(facts(verdict.gone, scene.wall_time), style.width)
    if verdict.subject is not None:
        checks = f"{plural(verdict.passed, 'check')} passed"
        if verdict.blind:
            checks += f", {len(verdict.blind)} not possible"
        said = "nothing else unusual" if verdict.findings else "nothing unusual"
        yield ""
        yield f" {style.tick} {said} ({checks})"


def _heading(verdict: Verdict, scene: Scene, then: Then | None) -> str:
    if verdict.subject is None:
        return f"{verdict.name}   ({', '.join(_facts_of_gone(verdict, scene, then))})"
    usage, container = verdict.subject.usage, verdict.subject.container
    facts = [fact for fact in (container.image, container.runtime) if fact]
    age = usage.age(scene.wall_time)
    if usage.state == "exited" or age is not None:
        lives = "exited" if age is None or usage.state == "exited" else f"up {human_duration(age)}"
        facts.append(lives if then is None else f"{lives} at {then.end}")
    if usage.cpu_limit_cores is not None and not isinstance(usage.cpu_limit_cores, Unlimited):
        facts.append(f"limit {human_cores(usage.cpu_limit_cores)} cores")
    if usage.memory_limit is not None and not isinstance(usage.memory_limit, Unlimited):
        facts.append(f"limit {human_size(usage.memory_limit)}")
    return f"{verdict.name}   ({', '.join(facts)})"


def _facts_of_gone(verdict: Verdict, scene: Scene, then: Then | None) -> Iterator[str]:
    assert verdict.gone is not None
    ended, at = verdict.gone.ended, verdict.gone.total.ended
    if ended is not None:
        yield from (fact for fact in (ended.container.image, ended.container.runtime) if fact)
    if then is not None:
        yield f"down at {then.end}"
    elif at is None:
        yield "down just now"
    else:
        yield f"down for {human_duration(max(scene.wall_time - at, 0.0))}"
    if attempt := verdict.gone.total.attempt:
        yield plural(attempt, "restart")


def _finding(finding: Finding, style: Style) -> Iterator[str]:
    sign = style.sign(finding.severity)
    rule = f"{sign} {finding.rule}"
    said = f"{finding.summary}   ({finding.confidence.value} confidence)"
    first, *rest = _wrapped(f"{rule}   {said}", " ", style.width, hang=len(sign) + 1)
    yield first.replace(rule, style.paint(finding.severity, rule), 1)
    yield from rest
    yield from _evidence(finding.evidence, style.width)
    for advice in finding.advice:
        yield from _wrapped(f"{style.arrow} {advice}", _INDENT, style.width, hang=2)


def _evidence(evidence: Sequence[Evidence], width: int) -> Iterator[str]:
    """In two columns where they fit, else each with its source behind it."""
    column = max((len(item.says) for item in evidence), default=0)
    lines = [f"{_INDENT}{item.says:<{column}}  {item.source}" for item in evidence]
    if all(len(line) <= width for line in lines):
        yield from lines
        return
    for item in evidence:
        yield from _wrapped(f"{item.says}  ({item.source})", _INDENT, width, hang=4)


def _wrapped(text: str, indent: str, width: int, *, hang: int = 0) -> list[str]:
    return wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent + " " * hang,
        break_on_hyphens=False,
    )
