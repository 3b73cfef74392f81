"""exporters/elasticsearch/index_name.py"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporters.elasticsearch.index_name import index_name
from tests.log_entries import FIELDS

NEW_YEAR = 1_798_761_600 * 10**9
"""2027-01-01, a Friday."""


@given(st.text(min_size=1), FIELDS, st.integers(0, (1 << 32) * 10**9))
def test_any_index_name_is_one_a_cluster_takes(
    template: str, fields: dict[str, str], time_ns: int
) -> None:
    name = index_name(template, fields, time_ns)
    assert 0 < len(name.encode()) <= 255
    assert name == name.lower() or not name.isascii()
    assert name[0] not in "-_+"
    assert not set('\\/*?"<>| ,#:') & set(name)
    assert name not in (".", "..")


def test_a_field_the_container_has_not_is_none() -> None:
    assert (
        index_name("logs-{namespace}-{image}", {"image": "Reg/Web:1"}, 0) == "logs-none-reg_web_1"
    )


def test_a_time_has_its_day_week_month_and_year() -> None:
    name = index_name("{date} {week} {month} {year}", {}, NEW_YEAR)
    assert name == "2027.01.01_2026.53_2027.01_2027", "the week is ISO's, with its own year"
    assert index_name("{date}", {}, NEW_YEAR - 1) == "2026.12.31"
