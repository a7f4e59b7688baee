"""What a record waits for in the end."""

from __future__ import annotations

import pytest

from syncline.reconcile.waiting import End, Fate, chain
from syncline.records import Ref

WORDS = {
    "n": End(Fate.NOTHING, "is nowhere"),
    "p": End(Fate.PARKED, "is refused: no"),
    "q": End(Fate.PARKED, "is refused, too"),
    "c": End(Fate.COMING, "is due"),
}


def ref(name: str) -> Ref:
    return Ref("f", "s", name)


@pytest.mark.parametrize(
    ("waits", "path", "fate", "endless"),
    [
        ("a:p", "a p", Fate.PARKED, False),
        ("a:b b:p", "a b p", Fate.PARKED, False),
        ("a:c", "a c", Fate.COMING, False),
        ("a:cnp", "a n", Fate.NOTHING, True),
        ("a:pc", "a p", Fate.PARKED, False),
        ("a:pq", "a p", Fate.PARKED, False),
        ("a:bd b:c d:bn", "a d n", Fate.NOTHING, True),
        ("a:b b:a", "a b a", Fate.CYCLE, True),
        ("a:a", "a a", Fate.CYCLE, True),
        ("a:nb b:d d:b", "a b d b", Fate.CYCLE, True),
        ("a:bd b:e d:e e:p", "a b e p", Fate.PARKED, False),
        ("", "a", Fate.COMING, False),
    ],
)
def test_the_worst_end_is_told_with_the_way_to_it(waits: str, path: str, fate: Fate, endless: bool) -> None:
    known = {ref(each[0]): [ref(name) for name in each[2:]] for each in waits.split()}
    found = chain(ref("a"), known, {ref(name): end for name, end in WORDS.items()})
    assert [each.id for each in found.refs] == path.split()
    assert (found.end.fate, found.endless) == (fate, endless)


def test_a_chain_is_told_as_a_sentence() -> None:
    ends = {ref("p"): WORDS["p"]}
    assert str(chain(ref("a"), {ref("a"): [ref("b")], ref("b"): [ref("p")]}, ends)) == (
        "s/f/a waits for s/f/b, which waits for s/f/p, which is refused: no"
    )
    assert str(chain(ref("a"), {ref("a"): [ref("b")], ref("b"): [ref("a")]}, {})) == (
        "s/f/a waits for s/f/b, which waits for s/f/a, which closes a circle: none of them can go first"
    )
    assert str(chain(ref("a"), {ref("a"): [ref("a")]}, {})) == "s/f/a waits for s/f/a, which is itself"
    assert str(chain(ref("a"), {}, {})) == "s/f/a, which goes on with the next pass"


def test_many_that_wait_for_the_same_are_looked_at_once() -> None:
    """Every layer waits for all of the next: as many ways as there are are never walked."""
    waits = {
        Ref("f", "s", f"{n} {k}"): [Ref("f", "s", f"{n + 1} {m}") for m in range(5)]
        for n in range(30)
        for k in range(5)
    }
    found = chain(ref("0 0"), waits, {ref("30 4"): WORDS["n"]})
    assert len(found.refs) == 31
    assert found.end.fate is Fate.NOTHING
