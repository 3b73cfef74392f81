"""Any log entries, for property tests of the destinations' encoders (agent/logs/entry.py)."""

from __future__ import annotations

from hypothesis import strategies as st

from agent.logs.chunk import Entry

TEXT = st.text(max_size=40)
"""No surrogates: fields and contents are valid UTF-8 by then."""
CONTENT = st.one_of(
    TEXT, st.sampled_from(["", " ", "\0", "\x1b[31mred", '"\\', "\u2028", "]}]},{", "😀" * 10])
)
EXTRA = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(
            ["note", "level", "offset", "attrs", "json", "message", "@timestamp", "id", "_id"]
        )
        | st.text(st.characters(blacklist_categories=["Cs"]), max_size=10),
        st.one_of(
            st.sampled_from(["unparsed", "error", "info", "17", "cut"]),
            TEXT,
            st.dictionaries(TEXT, TEXT, max_size=3),
        ),
        max_size=4,
    ),
)
ENTRIES = st.lists(
    st.tuples(
        st.integers(0, (1 << 32) * 10**9 - 1),
        st.sampled_from(["stdout", "stderr", ""]),
        CONTENT.map(str.encode),
        EXTRA,
        st.just(False),
    ),
    max_size=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "container_name",
            "container_id",
            "image",
            "namespace",
            "pod",
            "pod_uid",
            "runtime",
            "host",
        ]
    )
    | TEXT.filter(bool),
    TEXT.filter(bool),
    max_size=6,
)


def entry(
    content: str = "GET / 200",
    *,
    time_ns: int = 1_795_490_176_105_173_157,
    stream: str = "stdout",
    **extra: str,
) -> Entry:
    """One entry."""
    return time_ns, stream, content.encode(), dict(extra) or None, False
