"""An event as a line for a person.

08:15:33.120  web                       exited 3 Error after 2.10s, cpu 0.20s, peak 12.0M
08:15:34.002  shop/api/app              started api:4.2, attempt 2
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from agent import units
from agent.lifecycle.events import Counters, Event, Exit, Health, What

NAME_COLUMNS = 28


def line(event: Event, zone: tzinfo | None = None) -> str:
    """One line, without the newline. zone: local time where not given."""
    moment = datetime.fromtimestamp(event.at, zone)
    name = event.container.title or event.container.id
    what = description(event)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}  {name:<{NAME_COLUMNS}}  {what}"


def description(event: Event) -> str:
    """What happened, in words."""
    match event.what:
        case What.FOUND:
            return f"runs {event.container.image}{_health(event.health)}".rstrip()
        case What.STARTED:
            attempt = event.container.attempt
            again = f", attempt {attempt}" if attempt else ""
            return f"started {event.container.image}{again}".rstrip()
        case What.OOM_KILLED:
            count = event.oom_kills or 0
            return f"oom-killed {count} {'process' if count == 1 else 'processes'}"
        case What.HEALTH:
            return f"health {event.health.value if event.health else 'unknown'}"
        case What.EXITED:
            return "exited" if event.exit is None else f"exited {exit_text(event.exit)}"


def exit_text(end: Exit) -> str:
    """ "3 Error after 2.10s, cpu 0.20s, peak 12.0M"."""
    code = "with an unknown code" if end.code is None else str(end.code)
    words = [code]
    if end.code is not None:
        words.append(end.reason.value)
    if end.signal is not None:
        words.append(f"(signal {end.signal})")
    if end.ran is not None:
        words.append(f"after {_duration(end.ran)}")
    return ", ".join([" ".join(words), *_used(end)])


def _used(end: Exit) -> list[str]:
    if end.counters is None:
        return ["counters not read in time"]
    used: Counters = end.counters
    # Not read at the end: there may have been more.
    at_least = "" if end.final else ">="
    parts = []
    if used.cpu_usec is not None:
        parts.append(f"cpu {at_least}{_duration(units.seconds(used.cpu_usec))}")
    if used.memory_peak is not None:
        parts.append(f"peak {at_least}{units.human_size(used.memory_peak)}")
    if used.read_bytes:
        parts.append(f"read {at_least}{units.human_size(used.read_bytes)}")
    if used.write_bytes:
        parts.append(f"wrote {at_least}{units.human_size(used.write_bytes)}")
    return parts


def _duration(length: float) -> str:
    return f"{length:.2f}s" if length < 60 else units.human_duration(length)


def _health(health: Health | None) -> str:
    return "" if health is None or health is Health.NONE else f", {health.value}"
