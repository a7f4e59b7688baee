"""The oracle itself: right histories are accepted, and each kind of wrong one is not."""

from __future__ import annotations

import pytest

from blackbox.accounts import unaccounted
from blackbox.oracle import Event, Quiet, Read, Rules, Unexplained, Write, judge

NOTHING = Quiet(frozenset())
HEARD, UNHEARD = Rules(), Rules(unheard=True)


def lost(*values: str) -> Quiet:
    return Quiet(frozenset(values))


RIGHT: dict[str, list[Event]] = {
    "nothing happens": [Read(0, "a"), Read(1, "a"), NOTHING],
    "an edit arrives": [Write(0, "b", "a"), Read(1, "a"), Read(1, "b"), Read(0, "b"), NOTHING],
    "an edit of what has just arrived": [Write(0, "b", "a"), Write(1, "c", "b"), Read(0, "c"), NOTHING],
    "an older value arrives while a newer one is made": [
        Write(0, "b", "a"),
        Write(0, "c", "b"),
        Read(1, "a"),
        Read(1, "b"),
        Read(1, "c"),
        NOTHING,
    ],
    "both edit, the first stays": [Write(0, "b", "a"), Write(1, "c", "a"), Read(0, "b"), Read(1, "b"), lost("c")],
    "both edit, the second stays": [Write(0, "b", "a"), Write(1, "c", "a"), Read(0, "c"), Read(1, "c"), lost("b")],
    "both save the same": [Write(0, "b", "a"), Write(1, "b", "a"), Read(0, "b"), Read(1, "b"), NOTHING],
    "a save that was not heard of and is there": [
        Write(0, "b", "a", certain=False),
        Read(1, "b"),
        Read(0, "b"),
        NOTHING,
    ],
    "a save that was not heard of and is not there": [
        Write(0, "b", "a", certain=False),
        Read(1, "a"),
        Read(0, "a"),
        NOTHING,
    ],
}
WRONG: dict[str, list[Event]] = {
    "an edit is lost": [Write(0, "b", "a"), Read(0, "a")],
    "an edit is lost in a conflict, and not told": [Write(0, "b", "a"), Write(1, "c", "a"), Read(0, "c"), NOTHING],
    "a later edit is overwritten with an earlier one": [
        Write(0, "b", "a"),
        Read(1, "b"),
        Write(1, "c", "b"),
        Read(0, "c"),
        Read(1, "b"),
    ],
    "a conflict is made up": [Write(0, "b", "a"), Read(1, "b"), Read(0, "b"), lost("a")],
    "a conflict is made up of what a person has seen": [
        Write(0, "b", "a"),
        Write(1, "c", "b"),
        Read(0, "c"),
        Read(1, "c"),
        lost("b"),
    ],
    "an old value comes back": [Write(0, "b", "a"), Read(1, "b"), Read(1, "a")],
    "a value from nowhere": [Write(0, "b", "a"), Read(1, "x")],
    "an edit that never arrives": [Write(0, "b", "a"), NOTHING, Read(1, "a")],
    "both are given up": [Write(0, "b", "a"), Write(1, "c", "a"), Read(0, "a")],
    "both win": [Write(0, "b", "a"), Write(1, "c", "a"), Read(0, "c"), Read(1, "b")],
    "the loser is told to be the winner": [Write(0, "b", "a"), Write(1, "c", "a"), Read(0, "c"), lost("c")],
}


@pytest.mark.parametrize("rules", [HEARD, UNHEARD])
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_history_is_accepted(name: str, rules: Rules) -> None:
    judge("a", RIGHT[name], rules)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_history_is_not(name: str) -> None:
    with pytest.raises(Unexplained):
        judge("a", WRONG[name], HEARD)


@pytest.mark.parametrize("name", [name for name in WRONG if not name.startswith("a conflict is made up")])
def test_nor_is_it_where_answers_are_lost(name: str) -> None:
    with pytest.raises(Unexplained):
        judge("a", WRONG[name], UNHEARD)


def test_where_answers_are_lost_only_what_a_person_has_overwritten_may_be_told_too() -> None:
    arrived: list[Event] = [Write(0, "b", "a"), Read(1, "b")]
    judge("a", [*arrived, lost("a")], UNHEARD)
    for never in ("b", "x"):
        with pytest.raises(Unexplained):
            judge("a", [*arrived, lost("a", never)], UNHEARD)


def test_the_preferred_side_wins_whenever_both_have_edited() -> None:
    edits: list[Event] = [Write(0, "b", "a"), Write(1, "c", "a")]
    judge("a", [*edits, Read(0, "c"), lost("b")], Rules(prefer=1))
    with pytest.raises(Unexplained):
        judge("a", [*edits, Read(1, "b")], Rules(prefer=1))


def test_a_history_that_is_not_explained_is_told_to_the_reader() -> None:
    with pytest.raises(Unexplained) as caught:
        judge("a", [Write(0, "b", "a"), Read(1, "x"), Read(1, "b")], about="city of X")
    assert str(caught.value).splitlines()[:4] == [
        "city of X: no schedule of Syncline's steps explains this.",
        "    both hold 'a'",
        "    a person saves 'b' over 'a' on side 0",
        "--> side 1 shows 'x'",
    ]


def test_every_value_is_accounted_for() -> None:
    writes = [Write(0, "b", "a"), Write(1, "c", "b"), Write(0, "d", "a"), Write(1, "e", "a", certain=False)]
    assert unaccounted(writes, "d", {"c"}) == []
    assert unaccounted(writes, "c", {"d"}) == []
    assert unaccounted(writes, "c", set()) == ["d"]
    assert unaccounted(writes, "e", set()) == ["c", "d"]
