"""How texts and numbers are written in Prometheus' text format and in OpenMetrics.

A text that came from bytes that are no UTF-8 (surrogateescape) is written with those bytes as
"\\xff", so that two different names stay two.
"""

from __future__ import annotations


def escape_label(value: str) -> str:
    """Escape a label value: backslash, double quote and newline."""
    value = _encodable(value)
    if '"' in value or "\\" in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value


def escape_help(text: str, *, openmetrics: bool) -> str:
    """Escape the text of a HELP line: OpenMetrics wants a double quote escaped as well."""
    text = _encodable(text).replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if openmetrics else text


def format_number(value: float) -> str:
    """A sample's value; an infinite one has its sign in both formats."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(value)


def _encodable(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
