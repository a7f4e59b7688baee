"""Who is the same as whom: by keys, by what people said, and how alike two records are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reconcile.agreement import FLOW, prop
from syncline.mapping.model import MatchKey, Reference
from syncline.mapping.types import Kind
from syncline.reconcile.likeness import likeness
from syncline.reconcile.match import Ambiguous, Matched, Suggested, candidates, doubles, keys_of, match, stronger
from syncline.records import Ref, Value, Values

KEY, HINT = MatchKey(("code",)), MatchKey(("name", "code"), suggest=True)


def refs(*names: str) -> list[Ref]:
    """``a1`` is record 1 of side a."""
    return [Ref("orders", name[0], name) for name in names]


def pairs(*names: str) -> set[frozenset[Ref]]:
    """``a1-b1``."""
    return {frozenset(refs(*pair.split("-"))) for pair in names}


def told(*verdicts: Matched | Ambiguous | Suggested) -> list[tuple[str, ...]]:
    return [
        tuple(v.members.values()) if isinstance(v, Matched) else (type(v).__name__, *(ref.id for ref in v.refs))
        for v in verdicts
    ]


@pytest.mark.parametrize(
    ("alike", "apart", "expected"),
    [
        ("a1 b1", "", [("a1", "b1")]),
        ("a1 b1 c1", "", [("a1", "b1", "c1")]),
        ("a1 a2", "", []),
        ("a1 a2 b1", "", [("Ambiguous", "a1", "a2", "b1")]),
        ("a1 b1", "a1-b1", []),
        ("a1 a2 b1", "a1-b1", [("a2", "b1")]),
        ("a1 a2 b1", "a1-b1 a2-b1", []),
        ("a1 a2 b1", "a1-a2", [("Ambiguous", "a1", "a2", "b1")]),
        ("a1 a2 b1 b2", "a1-b2 a2-b1", [("a1", "b1"), ("a2", "b2")]),
        ("a1 a2 b1 b2", "a1-b2", [("Ambiguous", "a1", "a2", "b1", "b2")]),
        ("a1 a2 b1 b2", "a1-b1 a1-b2", [("Ambiguous", "a2", "b1", "b2")]),
        ("a1 b1 c1", "a1-c1", [("Ambiguous", "a1", "b1", "c1")]),
        ("a1 b1 c1", "a1-c1 a1-b1", [("b1", "c1")]),
        ("a1 b1", "a1-b9", [("a1", "b1")]),
    ],
)
def test_what_is_left_of_a_group_without_the_pairs_that_are_apart(
    alike: str, apart: str, expected: list[tuple[str, ...]]
) -> None:
    assert told(*match(KEY, refs(*alike.split()), pairs(*apart.split()))) == expected


def test_a_hint_is_never_a_match_and_is_not_given_twice() -> None:
    assert told(*match(HINT, refs("a1", "b1"))) == [("Suggested", "a1", "b1")]
    assert match(HINT, refs("a1", "b1"), pairs("a1-b1")) == ()


def test_who_differs_in_a_stronger_key_is_only_like_the_other() -> None:
    a1, b1, c1 = refs("a1", "b1", "c1")
    known: dict[Ref, dict[str, Value]] = {a1: {"tax": "1", "mobile": "7"}, b1: {"tax": "2", "mobile": "8"}, c1: {}}
    assert match(KEY, [a1, b1], (), known) == (Suggested((a1, b1), "tax"),)
    assert match(KEY, [a1, b1], (), known | {b1: {"tax": "1", "mobile": "8"}}) == (Suggested((a1, b1), "mobile"),)
    assert told(*match(KEY, [a1, b1], (), known | {b1: {"tax": "1"}})) == [("a1", "b1")], "what is empty differs not"
    assert told(*match(KEY, [a1, c1], (), known)) == [("a1", "c1")]
    assert told(*match(KEY, [a1, b1, c1], (), known)) == [("Suggested", "a1", "b1", "c1")]


def test_stronger_are_the_keys_before_which_no_side_gives_itself() -> None:
    last = MatchKey(("phone", "name"))
    flow = replace(FLOW, match=(KEY, MatchKey(("number",)), HINT, MatchKey(("note", "terms")), last))
    assert stronger(flow, last) == ["code", "note+terms"]
    assert stronger(flow, KEY) == []


def test_candidates_are_of_other_sides_and_not_apart() -> None:
    group = refs("a1", "a2", "b1", "b2", "c1")
    assert list(candidates(group[0], group, pairs("a1-b2"))) == refs("b1", "c1")


def test_of_the_same_on_one_side_the_first_goes_on() -> None:
    a1, a2, a3, b1 = refs("a1", "a2", "a3", "b1")
    assert doubles([a2, a1, a3, b1], ()) == {a1: a2, a3: a2}
    assert doubles([a1, a2, a3], pairs("a1-a2")) == {a3: a1}
    assert doubles([a1, a2, a3], pairs("a1-a2", "a1-a3")) == {a3: a2}


def test_keys_are_folded_and_those_that_only_suggest_more_so() -> None:
    flow = replace(FLOW, match=(KEY, HINT))
    one = keys_of(flow, {"code": " ab-1 ", "name": "Café  du Nord, S.A."})
    two = keys_of(flow, {"code": "AB-1", "name": "CAFE DU NORD SA"})
    assert one == two
    assert one == {"code": "ab-1", "name+code": "cafedunordsa\x1fab1"}
    assert keys_of(flow, {"code": "AB1", "name": "x"})["code"] != one["code"]
    assert keys_of(flow, {"code": "***", "name": "?"})["name+code"] == "?\x1f***"
    assert keys_of(flow, {"code": "a", "name": None}).keys() == {"code"}


def score(left: Values, right: Values) -> int:
    return likeness(FLOW, "erp", left, "bc", right).score


def test_likeness_tells_what_is_the_same_as_each_side_spells_it() -> None:
    found = likeness(
        FLOW,
        "erp",
        {"code": "ab", "name": "Anna Karlsson", "terms": "30D", "phone": None, "note": "x", "balance": 5},
        "bc",
        {"code": "AB", "name": "Anna ", "terms": "14D", "phone": "1", "note": None, "balance": 7},
    )
    assert found.same == ("name", "code")  # this bc keeps five letters of a name, and codes in capitals
    assert [(each.property, each.left, each.right) for each in found.differ] == [
        ("terms", "30D", "14D"),
        ("note", "x", None),
        ("phone", None, "1"),
    ]
    assert 0 < found.score < 100


def test_likeness_is_100_only_for_the_same_and_0_for_nothing_in_common() -> None:
    assert score({"name": "Anna", "code": "A"}, {"name": "Anna", "code": "A"}) == 100
    assert score({"name": "Anna"}, {"name": "Zqxwv"}) == 0
    assert score({}, {}) == 0
    long = {f"note{n}": "same" for n in range(3)} | {"code": "A", "note": "a long note", "terms": "x"}
    assert score(long, long | {"terms": "y"}) < 100


WEIGHED = replace(
    FLOW,
    properties={
        **FLOW.properties,
        "blocked": prop("blocked", kind=Kind.BOOLEAN),
        "customer": prop("customer", reference=Reference("customers")),
    },
)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"code": "A", "note": "x"}, {"code": "A", "note": "q"}, 67),  # a key weighs twice as much as a text
        ({"note": "x", "blocked": True}, {"note": "x", "blocked": False}, 67),  # and a text as a flag
        ({"code": "A", "note": "x"}, {"code": "A"}, 89),  # that one side has none of it says little
        ({"number": "1", "note": "x"}, {"number": "2", "note": "x"}, 80),  # so does a number that each gives by itself
        ({"number": "1", "note": "x"}, {"number": "1", "note": "q"}, 50),  # unless it is the same
    ],
)
def test_what_a_property_weighs(left: Values, right: Values, expected: int) -> None:
    assert likeness(WEIGHED, "erp", left, "bc", right).score == expected
    assert likeness(WEIGHED, "bc", right, "erp", left).score == expected


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        ("Anna Karlsson", "karlsson anna", 99),  # the same words are not yet the same
        ("zeta alpha", "ZetaAlpha", 94),
        ("abcdefghij", "abcdefgxyz", 70),
        ("abcdefghij", "abcdefuxyz", 0),  # any two texts share some letters
        ("Anna", None, 0),
    ],
)
def test_how_alike_two_texts_are(one: str, two: str | None, alike: int) -> None:
    for left, right in ((one, two), (two, one)):
        (differing,) = likeness(FLOW, "erp", {"note": left}, "bc", {"note": right}).differ
        assert (differing.left, differing.right, differing.alike) == (left, right, alike)


def test_the_same_is_the_same_from_either_side() -> None:
    assert likeness(FLOW, "bc", {"name": "Anna "}, "erp", {"name": "Anna Karlsson"}).same == ("name",)
    assert likeness(FLOW, "erp", {"note": " ANNA"}, "bc", {"note": "Anna"}).score == 100
    almost = {"code": "A", "terms": "30D", "phone": "1", "note": "Anna Karlsson"}
    assert score(almost, almost | {"note": "Karlsson Anna"}) == 99, "what differs is never told as 100"


def test_references_and_flags_are_the_same_or_not() -> None:
    left: Values = {"customer": "link-1001", "blocked": True}
    right: Values = {"customer": "link-1002", "blocked": False}
    found = likeness(WEIGHED, "erp", left, "bc", right)
    assert [(each.property, each.alike) for each in found.differ] == [("blocked", 0), ("customer", 0)]


def test_the_more_is_alike_the_better() -> None:
    bare = {"name": "Karl", "note": "Karl Johans gate 1"}
    assert (
        score(bare, bare) > score(bare, bare | {"note": "Karl Johansgate 1"}) > score(bare, bare | {"note": "Rome 7"})
    )
    by_key, by_text = {"code": "A", "terms": "x"}, {"code": "B", "terms": "z", "note": "same"}
    assert score({"code": "A", "terms": "z", "note": "same"}, by_key) > score({"code": "A", "note": "same"}, by_text)


def test_numbers_that_each_side_gives_by_itself_hardly_count_against_it() -> None:
    held = {"name": "Anna", "code": "A"}
    assert score(held | {"number": "1"}, held | {"number": "1"}) == 100
    assert score(held | {"number": "1"}, held | {"number": "C7"}) > score(held | {"terms": "1"}, held | {"terms": "7"})
