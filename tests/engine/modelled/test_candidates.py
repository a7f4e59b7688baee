"""Who is parked with whom, why, and what makes them go on: between model systems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC
from syncline.engine.people.joining import keep_apart, unlink
from syncline.mapping.model import MatchKey
from syncline.records import Ref
from syncline.store import Parked

ERP = "erp"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    """In these a code may be there twice, and a name is good for a suggestion."""
    with between_models(tmp_path, unique=False, feed=True) as found:
        customers = found.setup.flows["customers"]
        by_name = replace(customers, match=(*customers.match, MatchKey(("name",), suggest=True)))
        found.setup = replace(found.setup, flows={**found.setup.flows, "customers": by_name})
        yield found


def parked(models: Models) -> dict[Ref, Parked]:
    return {each.ref: each for each in models.store.parked()}


def linked(models: Models) -> set[tuple[str, str]]:
    """The links of all that is there, by the record's id on either side."""
    there = [Ref("customers", side, id_) for side in (ERP, BC) for id_ in models.system(side).held["customers"]]
    links = models.store.links(models.store.links_of(there).values()).values()
    return {(link.members[ERP], link.members[BC]) for link in links}


def partner(models: Models, ref: Ref) -> str:
    """The id of its record on the other side."""
    (link,) = models.store.links(models.store.links_of([ref]).values()).values()
    return next(id_ for side, id_ in link.members.items() if side != ref.side)


def candidates(told: Parked) -> list[str]:
    return [each["record"] for each in told.details["candidates"]]


# --- records that no side has linked yet


def test_one_record_a_side_with_the_same_key_is_the_same(models: Models) -> None:
    left, right = models.create(ERP, "a", code="k1"), models.create(BC, "b", code="K1")
    result = models.sync()
    assert result.flows["customers"].linked == 1
    assert linked(models) == {(left.id, right.id)}
    told = [(e.ref, e.note) for e in models.journal if e.action == "linked"]
    assert sorted(told) == sorted([(left, "by code"), (right, "by code")])
    assert models.sync().flows["customers"].linked == 0


def test_several_of_one_side_are_parked_with_those_of_the_other(models: Models) -> None:
    one, two = models.create(ERP, "Anna Karlsson", code="k1"), models.create(ERP, "Anna Carlson", code="K1")
    other = models.create(BC, "Anna Karl", code="K1", terms="30D")
    for _ in range(3):
        result = models.sync()
        assert (result.writes, result.flows["customers"].linked) == (0, 0)
        models.wait(minutes=1)
    found = parked(models)
    assert {ref: told.message for ref, told in found.items()} == {
        one: f"several records have the same code: {other}, {two}",
        two: f"several records have the same code: {other}, {one}",
        other: f"several records have the same code: {one}, {two}",
    }
    assert {told.cause for told in found.values()} == {"ambiguous"}
    assert {told.mend for told in found.values()} == {
        "Say which are the same (syncline link), which are not (syncline parked apart), or make the values differ."
    }
    assert candidates(found[one]) == candidates(found[two]) == [str(other)]
    assert candidates(found[other]) == [str(one), str(two)], "the one that is more alike first"
    first, second = found[other].details["candidates"]
    assert (first["name"], second["name"]) == ("Anna Karlsson", "Anna Carlson")
    assert 100 > first["score"] > second["score"] > 0
    assert first["same"] == ["name", "code"]
    assert {each["property"]: (each["left"], each["right"]) for each in first["differ"]}["terms"] == ("30D", None)
    assert len([e for e in models.journal if e.action == "parked"]) == 3, "it is told once"


def test_of_very_many_the_first_are_named(models: Models) -> None:
    many = sorted(models.create(ERP, f"a{n}", code="K1") for n in range(30))
    other = models.create(BC, "b", code="K1")
    models.sync()
    named = ", ".join(str(ref) for ref in many[:5])
    assert parked(models)[other].message == f"several records have the same code: {named} and 25 more"
    assert sorted(candidates(parked(models)[other])) == sorted(str(ref) for ref in many[:20])


def test_exactly_as_many_as_are_named_leave_no_rest(models: Models) -> None:
    many = sorted(models.create(ERP, f"a{n}", code="K1") for n in range(5))
    other = models.create(BC, "b", code="K1")
    models.sync()
    named = ", ".join(str(ref) for ref in many)
    assert parked(models)[other].message == f"several records have the same code: {named}"


def test_what_only_looks_alike_is_suggested(models: Models) -> None:
    left, right = models.create(ERP, "Ann", code="k1"), models.create(BC, "Ann", code="K2")
    assert models.sync().writes == 0
    found = parked(models)
    assert {ref: (told.cause, told.message) for ref, told in found.items()} == {
        left: ("suggested", f"looks like the same record by name: {right}"),
        right: ("suggested", f"looks like the same record by name: {left}"),
    }
    keep_apart(models.store, [frozenset((left, right))], models.setup.now())
    models.sync()
    assert not parked(models)
    assert linked(models) == {(left.id, partner(models, left)), (partner(models, right), right.id)}
    assert partner(models, left) != right.id, "each is made on the other side"


def test_a_record_that_is_parked_by_a_key_is_not_suggested_by_another(models: Models) -> None:
    models.create(ERP, "Ann", code="K1")
    models.create(ERP, "Bob", code="K1")
    models.create(BC, "Ann", code="K1")
    models.sync()
    assert {told.cause for told in parked(models).values()} == {"ambiguous"}


def three(models: Models) -> tuple[Ref, Ref, Ref]:
    """Two of one side, and one of the other, with the same code."""
    return models.create(ERP, "a1", code="K1"), models.create(ERP, "a2", code="K1"), models.create(BC, "b", code="K1")


def test_they_go_on_when_one_of_two_says_something_else(models: Models) -> None:
    one, two, other = three(models)
    models.sync()
    models.wait(minutes=1)
    models.change(ERP, "a2", code="K2")
    models.sync()
    assert linked(models) == {(one.id, other.id), (two.id, partner(models, two))}
    assert not parked(models)
    assert models.sync().writes == 0


def test_they_go_on_when_the_other_side_says_something_else(models: Models) -> None:
    one, two, other = three(models)
    models.sync()
    models.change(BC, "b", code="K2")
    models.sync()
    assert linked(models) == {(one.id, partner(models, one)), (partner(models, other), other.id)}
    assert list(parked(models)) == [two]


def test_who_is_kept_apart_from_one_is_linked_with_the_other(models: Models) -> None:
    one, two, other = three(models)
    models.sync()
    keep_apart(models.store, [frozenset((one, other)), frozenset((one, two))], models.setup.now())
    models.sync()
    assert linked(models) == {(one.id, partner(models, one)), (two.id, other.id)}
    assert not parked(models)


# --- records of which one has a link already


@pytest.mark.parametrize("side", [ERP, BC])
def test_a_record_with_the_key_of_a_linked_one_is_asked_about(models: Models, side: str) -> None:
    models.create(ERP, "a", code="K1")
    models.sync()
    new = models.create(side, "again", code="k1")
    for _ in range(2):
        assert models.sync().writes == 0
        models.wait(minutes=1)
    own, across = models.ref(side, "a"), models.ref(BC if side == ERP else ERP, "a")
    (told,) = parked(models).values()
    assert (told.ref, told.cause) == (new, "ambiguous")
    assert told.message == f"has the same code as {across}, which is linked with {own}"
    assert told.mend == (
        f"If it is another one: syncline parked apart {new}. If it is the same: delete one of them, "
        f"or give it the other's place: syncline unlink {across}, then syncline link {new} {across}."
    )
    assert candidates(told) == [str(across)]
    (candidate,) = told.details["candidates"]
    assert candidate["name"] == "a"
    assert len([e for e in models.journal if e.action == "parked"]) == 1


def test_of_several_linked_ones_the_first_is_named(models: Models) -> None:
    for name in ("a1", "a2"):
        models.create(ERP, name, code=name)
    models.sync()
    for name in ("a1", "a2"):
        models.change(ERP, name, code="K1")
    models.sync()
    new = models.create(ERP, "again", code="K1")
    models.sync()
    rivals = sorted(models.ref(BC, name) for name in ("a1", "a2"))
    told = parked(models)[new]
    assert told.message.startswith(f"has the same code as {rivals[0]}, which is linked with ")
    assert told.message.endswith(" (and 1 more)")
    assert sorted(candidates(told)) == [str(ref) for ref in rivals]
    keep_apart(models.store, [frozenset((new, models.ref(ERP, "a1")))], models.setup.now())
    models.sync()
    told = parked(models)[new]
    assert told.message == f"has the same code as {models.ref(BC, 'a2')}, which is linked with {models.ref(ERP, 'a2')}"
    keep_apart(models.store, [frozenset((new, rivals[0])), frozenset((new, rivals[1]))], models.setup.now())
    models.sync()
    assert (new.id, partner(models, new)) in linked(models)
    assert not parked(models)


def test_it_goes_on_when_the_linked_one_says_something_else(models: Models) -> None:
    models.create(ERP, "a", code="K1")
    models.sync()
    new = models.create(ERP, "again", code="K1")
    models.sync()
    assert parked(models)
    models.change(ERP, "a", code="K2")
    models.sync()
    assert not parked(models)
    assert len(linked(models)) == 2
    assert (new.id, partner(models, new)) in linked(models)


# --- the same again on one side


def test_of_two_new_ones_with_the_same_key_the_first_goes_on(models: Models) -> None:
    one, two = models.create(ERP, "a1", code="K1"), models.create(ERP, "a2", code="K1")
    models.sync()
    assert linked(models) == {(one.id, partner(models, one))}
    (told,) = parked(models).values()
    assert (told.ref, told.cause) == (two, "ambiguous")
    assert told.mend.startswith(f"If it is another one: syncline parked apart {two}. If it is the same: delete one of")
    models.wait(minutes=1)
    models.sync()
    (told,) = parked(models).values()
    assert told.message == f"has the same code as {models.ref(BC, 'a1')}, which is linked with {one}"
    keep_apart(models.store, [frozenset((one, two))], models.setup.now())
    models.sync()
    assert len(linked(models)) == 2
    assert not parked(models)


def test_a_side_whose_records_are_made_nowhere_may_have_it_twice(models: Models) -> None:
    flow = models.setup.flows["customers"]
    read_only = replace(flow, sides={**flow.sides, BC: replace(flow.sides[BC], write=False)})
    models.setup = replace(models.setup, flows={**models.setup.flows, "customers": read_only})
    models.create(ERP, "a1", code="K1")
    models.create(ERP, "a2", code="K1")
    assert models.sync().writes == 0
    assert not parked(models)


# --- what a person took apart


def test_who_was_unlinked_waits_for_a_person_also_when_edited(models: Models) -> None:
    left = models.create(ERP, "a", code="K1")
    models.sync()
    unlink(models.store, left, models.setup.now())
    models.sync()
    assert {told.cause for told in parked(models).values()} == {"unlinked"}
    models.wait(minutes=1)
    models.change(ERP, "a", code="K2")
    assert models.sync().writes == 0
    assert {told.cause for told in parked(models).values()} == {"unlinked"}
    new = models.create(BC, "b", code="K2")
    assert models.sync().writes == 0
    told = parked(models)
    assert (told[left].cause, told[new].cause) == ("unlinked", "ambiguous")
    assert candidates(told[new]) == [str(left)]
    assert linked(models) == set()


# --- what was typed in again


@pytest.mark.parametrize("side", [ERP, BC])
def test_what_was_deleted_and_typed_in_again_is_the_same_one(models: Models, side: str) -> None:
    models.create(ERP, "a", code="K1", number="N1", phone="1")
    models.sync()
    kept = models.ref(BC if side == ERP else ERP, "a")
    models.change(kept.side, "a", phone="2")
    models.delete(side, "a")
    new = models.create(side, "a", code="K1", number="N1")
    models.sync()
    assert partner(models, kept) == new.id
    assert len(linked(models)) == 1
    assert models.held(ERP, "phone") == models.held(BC, "phone") == {"a": "2"}
    assert not parked(models)
    assert models.sync().writes == 0


def test_what_looks_like_a_record_that_is_still_there_takes_no_place(models: Models) -> None:
    first = models.create(ERP, "a", code="K1", number="N1")
    models.sync()
    kept, new = models.ref(BC, "a"), models.create(BC, "b", code="K1", number="N1")
    models.sync()
    assert linked(models) == {(first.id, kept.id)}
    assert list(parked(models)) == [new]


def test_a_number_given_anew_takes_no_place(models: Models) -> None:
    """The strongest key that both have is no number: the codes differ."""
    models.create(ERP, "a", code="K1", number="N1")
    models.sync()
    models.delete(BC, "a")
    new = models.create(BC, "b", code="K2", number="N1")
    models.sync()
    models.sync()
    assert "a" not in models.held(ERP, "name"), "the deletion travels"
    assert linked(models) == {(partner(models, new), new.id)}
