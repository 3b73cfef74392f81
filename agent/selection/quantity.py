"""Numbers as a filter writes them, in the unit of the field they are compared with. Pure.

cores     1.5  500m          bytes     512K 1.5G 2GiB 800MB   (powers of 1024, either way)
rates     as bytes           ratios    90 or 90%: in percent, as the screen shows them
seconds   90 90s 5m 1h30m    counts    200 1k 2M              (powers of 1000)
"""

from __future__ import annotations

import re
from typing import Final

from agent.diagnosis.finding import Severity
from agent.selection.field import Unit

_NUMBER: Final = re.compile(r"(?P<digits>\d+(?:\.\d*)?|\.\d+)(?P<unit>[A-Za-z%]*)\Z")
_SPAN: Final = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+\Z", re.IGNORECASE)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])", re.IGNORECASE)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}

EXPECTED: Final = {
    Unit.CORES: "a number of cores, as 1.5 or 500m",
    Unit.BYTES: "a size, as 512M or 1.5G",
    Unit.RATE: "bytes per second, as 512K or 1.5M",
    Unit.RATIO: "a percentage, as 90 or 90%",
    Unit.COUNT: "a number, as 200 or 1k",
    Unit.SECONDS: "a time, as 90s or 1h30m",
    Unit.SCORE: "a number",
    Unit.SEVERITY: "notice, warning or critical",
}


def parse_quantity(text: str, unit: Unit) -> float | None:
    """`text` in base units; None where it is no such number."""
    if unit is Unit.SEVERITY:
        word = text.casefold()
        return next((float(level) for level in Severity if level.word == word), None)
    if unit is Unit.SECONDS and _SPAN.match(text):
        return sum(float(n) * _SECONDS[of.casefold()] for n, of in _PART.findall(text))
    match = _NUMBER.match(text)
    if match is None:
        return None
    digits, suffix = float(match["digits"]), match["unit"].casefold()
    match unit:
        case Unit.CORES:
            return {"": digits, "m": digits / 1000}.get(suffix)
        case Unit.BYTES | Unit.RATE:
            return _scaled(digits, re.sub(r"(?:ib|b|i)\Z", "", suffix), 1024)
        case Unit.COUNT:
            return _scaled(digits, suffix, 1000)
        case Unit.RATIO:
            return digits / 100 if suffix in ("", "%") else None
        case _:
            return None if suffix else digits


def _scaled(digits: float, suffix: str, step: int) -> float | None:
    power = _POWERS.get(suffix)
    return None if power is None else digits * step**power
