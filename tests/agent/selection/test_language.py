"""The filter language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container
from agent.diagnosis.finding import Severity
from agent.selection.fields import FIELDS
from agent.selection.language import BadSelection, parse_selection
from tests.agent.selection.items import finding, item
from tests.agent.snapshots import MIB, pod

API = item(
    "api",
    cores=1.9,
    memory=950 * MIB,
    memory_max=1000 * MIB,
    cpu_max=CpuMax(200_000, 100_000),
    container=pod("shop", "checkout-7c9f", "api"),
    findings=(finding(),),
)
WEB = item(
    "web",
    container=Container(
        runtime="docker",
        id="3f2a9c" + "0" * 58,
        name="web",
        image="registry.example/Nginx:1.27",
        labels={"com.docker.compose.project": "blog", "tier": "front"},
    ),
)
DENIED = item("db", read=CgroupReading(denied=("memory_current", "cpu_stat")))
ALL = {"api": API, "web": WEB, "db": DENIED}


def kept(text: str) -> set[str]:
    selection = parse_selection(text)
    return {name for name, one in ALL.items() if selection.keeps(one)}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"api", "web", "db"}),
        ("  ", {"api", "web", "db"}),
        ("SHOP", {"api"}),
        ("nginx", {"web"}),
        ("3f2a", {"web"}),
        ("2a9c", set()),
        ("/docker/db", {"db"}),
        ("ns=shop", {"api"}),
        ("ns=Sh?p", {"api"}),
        ("ns!=shop", {"web", "db"}),
        ("name=shop", set()),
        ("name=shop/*", {"api"}),
        ("ns=", {"web", "db"}),
        ("ns=shop !kube-", {"api"}),
        ("image~^registry\\.example/(nginx|caddy):", {"web"}),
        ("(image~(nginx|caddy))", {"web"}),
        ("image!~nginx runtime=docker", {"db"}),
        ("img ~ 'nginx:1 27'", set()),
        ("proj=blog", {"web"}),
        ("label.tier=front", {"web"}),
        ("label.tier!=front", {"api", "db"}),
        ("cpu>1", {"api"}),
        ("cpu>=500m", {"api", "web"}),
        ("cpu > 500m", {"api"}),
        ("mem>900M", {"api"}),
        ("mem>0.5GiB", {"api"}),
        ("mem.of_limit>90", {"api"}),
        ("mem.of_limit>=95%", {"api"}),
        ("mem.of_limit>95.1", set()),
        ("mem.limit=none", {"web"}),
        ("mem.limit!=none", {"api"}),
        ("age>3h", {"api"}),
        ("age<=2h", {"web", "db"}),
        ("web or api", {"api", "web"}),
        ("web or api and cpu>1", {"api", "web"}),
        ("(web or api) cpu>1", {"api"}),
        ("not web", {"api", "db"}),
        ("!(web or db)", {"api"}),
        ("!!web", {"web"}),
        ("rule=cpu_throttled", {"api"}),
        ("rule=", {"web", "db"}),
        ("severity>=warning", {"api"}),
        ("severity<notice", {"web", "db"}),
        ("why~periods", {"api"}),
        ('"shop/checkout-7c9f/api"', {"api"}),
        ("or=1 or web", None),
    ],
)
def test_a_filter_keeps(text: str, names: set[str] | None) -> None:
    if names is None:
        with pytest.raises(BadSelection):
            parse_selection(text)
    else:
        assert kept(text) == names


def test_what_is_not_known_is_neither_kept_nor_kept_by_the_negation() -> None:
    assert "db" not in kept("mem>0")
    assert "db" not in kept("!mem>0")
    assert "db" not in kept("mem>0 or mem<=0")
    assert "db" in kept("mem>0 or db")
    assert "db" not in kept("mem>0 db")


def test_no_limit_is_no_share_and_its_negation_is_true() -> None:
    assert "web" not in kept("mem.of_limit>90")
    assert "web" in kept("!mem.of_limit>90")


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("cpu>>1", 4, "cores"),
        ("cpu>lots", 4, "cpu is compared with a number of cores, as 1.5 or 500m, not 'lots'"),
        ("cpu>", 4, "missing"),
        ("nmae=web", 0, "did you mean name?"),
        ("web xyzzy<1", 4, "there is no field 'xyzzy'"),
        ("image~[a", 6, "not a regular expression"),
        ("name>3", 5, "is text"),
        ("cpu~3", 4, "is a number"),
        ("(web", 4, "closing bracket"),
        ("web)", 3, "closes nothing"),
        ("web or", 6, "must follow"),
        ("and web", 0, "before 'and'"),
        ("!", 1, "must follow"),
        ("name='web", 5, "closing quote"),
        ("=web", 0, "expected here"),
        ("!" * 60 + "web", 50, "too many"),
        ("severity>bad", 9, "notice, warning or critical"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, position: int, says: str) -> None:
    with pytest.raises(BadSelection) as raised:
        parse_selection(text)
    assert raised.value.position == position
    assert says in raised.value.message
    assert str(raised.value).splitlines()[-1] == "  " + " " * position + "^"


def test_of_several_findings_one_that_fits_is_enough() -> None:
    both = item(findings=(finding(), finding("restarted 3 times", Severity.WARNING)))
    assert parse_selection("why~restarted").keeps(both)
    assert not parse_selection("why!~restarted").keeps(both)


fragments = st.one_of(
    st.sampled_from(["and", "or", "not", "!", "(", ")", "'", '"', " ", "~", "=", "<", ">=", "!="]),
    st.sampled_from([field.name for field in FIELDS]),
    st.sampled_from(["1", "90%", "500m", "[a", "web", "none", "\x00", "監視"]),
    st.text(max_size=5),
)


@given(st.lists(fragments, max_size=12).map("".join))
def test_any_text_is_a_filter_or_a_mistake_with_a_place_in_it(text: str) -> None:
    mistake = None
    try:
        selection = parse_selection(text)
    except BadSelection as error:
        mistake = error
    if mistake is not None:
        assert 0 <= mistake.position <= len(text)
        assert mistake.message
        return
    for one in ALL.values():
        assert selection.keeps(one) in (True, False)


@given(st.sampled_from([field.name for field in FIELDS]), st.sampled_from(["a", "1", "x*", "none"]))
def test_a_filter_and_its_negation_never_keep_the_same(name: str, value: str) -> None:
    for operator in ("=", "!=", ">", "<", "~"):
        text = f"{name}{operator}{value}"
        try:
            plain, negated = parse_selection(text), parse_selection(f"!{text}")
        except BadSelection:
            continue
        for one in ALL.values():
            assert not (plain.keeps(one) and negated.keeps(one))


@given(st.text(alphabet=st.characters(exclude_characters="'"), min_size=1, max_size=20))
def test_quoted_text_means_itself(text: str) -> None:
    named = item("x", container=Container(runtime="docker", id="ab", name=f"<{text}>"))
    assert parse_selection(f"'{text}'").keeps(named)
