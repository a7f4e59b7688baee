"""What becomes one link among more than two systems, and how it is told: between model systems."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC
from simulation.clock import EPOCH
from simulation.script import Fault
from syncline.connectors.base import ConnectorError
from syncline.engine.people.joining import keep_apart
from syncline.engine.plan import apply, plan
from syncline.engine.report import PlanRow
from syncline.mapping.model import Deletion, MatchKey
from syncline.records import LinkState, Ref, Shadow
from syncline.store import Entry, Parked

ERP, CRM = "erp", "crm"
ALL = (ERP, BC, CRM)
APART = "If it is another one: syncline parked apart {}. If it is the same: delete one of them"


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Models]:
    """Three systems, in which a code may be there twice."""
    with between_models(tmp_path, sides=ALL, unique=False, feed=True) as found:
        yield found


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Models]:
    with between_models(tmp_path, unique=False, feed=True) as found:
        yield found


def everywhere(models: Models, trace: str, **fields: Any) -> list[Ref]:
    return [models.create(side, trace, **fields) for side in ALL]


def rows(models: Models) -> list[PlanRow]:
    return list(models.run(plan(models.setup)).rows)


def planned(models: Models) -> list[tuple[str, str, str]]:
    return [(row.step, row.name, row.message) for row in rows(models)]


def version(models: Models, ref: Ref) -> str | None:
    record = models.system(ref.side).now(ref.flow, ref.id)
    assert record is not None
    return record.version


def known(models: Models, ref: Ref) -> Shadow:
    link = models.link(ref)
    return models.store.shadows([link.id])[link.id, ref.side]


def is_held(models: Models, *refs: Ref) -> bool:
    """Whether these are held back, and were decided once."""
    found = [models.arrival(ref) for ref in refs]
    return all(each is not None and (each.due, each.attempts) == (None, 1) for each in found)


# --- one record a side


def test_one_record_a_side_becomes_one_link_that_is_told_of_each(three: Models) -> None:
    found = {n: everywhere(three, f"c{n}", code=f"K{n}") for n in range(2)}
    steps = rows(three)[:2]
    result = three.sync()
    assert result.flows["customers"].linked == 2
    links = {n: three.link(found[n][0]) for n in found}
    for n, refs in found.items():
        link = links[n]
        assert link.members == {ref.side: ref.id for ref in refs}
        told = [each for each in three.entries("linked") if each.link == link.id]
        assert told == [
            Entry(at=EPOCH, flow="customers", link=link.id, ref=ref, action="linked", note="by code")
            for ref in sorted(refs)
        ]
    assert [(row.step, row.key, row.name, row.link) for row in steps] == [
        ("link", "code", f"c{n}", links[n].id) for n in range(2)
    ]
    assert [dict(row.members) for row in steps] == [dict(links[n].members) for n in range(2)]
    assert all(set(row.versions) == set(ALL) and None not in row.versions.values() for row in steps)


def test_a_plan_tells_the_versions_that_were_looked_at(two: Models) -> None:
    refs = [two.create(side, f"of {side}", code="K1") for side in (ERP, BC)]
    row = rows(two)[0]
    assert (row.step, row.flow, row.name, row.key) == ("link", "customers", "of erp", "code")
    assert dict(row.versions) == {ref.side: version(two, ref) for ref in refs}


def test_only_links_that_were_reviewed_are_made(two: Models) -> None:
    for side in (ERP, BC):
        two.create(side, "a", code="K1")
    reviewed = two.run(plan(two.setup))
    later = [two.create(side, "b", code="K2") for side in (ERP, BC)]
    began, tick = two.setup.now(), count(1)  # the clock of the models stands still while nobody waits
    two.setup = replace(two.setup, now=lambda: began + timedelta(microseconds=next(tick)))
    result, refused = two.run(apply(two.setup, reviewed))
    assert (result.flows["customers"].linked, [each.row.step for each in refused]) == (1, [])
    assert not two.store.links_of(later)
    assert two.sync().flows["customers"].linked == 1


# --- records without a link, where others have one


def test_new_ones_on_some_sides_with_the_key_of_a_link_are_asked_about(three: Models) -> None:
    """Linked with each other they would be made on the third side once more."""
    first = everywhere(three, "a", code="K1")
    three.sync()
    erp, bc = three.create(ERP, "b", code="K1"), three.create(BC, "b", code="K1")
    assert three.sync().writes == 0
    told = three.parked()
    a_erp, a_bc, a_crm = first
    assert {ref: each.message for ref, each in told.items()} == {
        erp: f"has the same code as {a_bc}, which is linked with {a_crm}, {a_erp}",
        bc: f"has the same code as {a_crm}, which is linked with {a_bc}, {a_erp}",
    }
    assert told[erp].mend == (
        f"{APART.format(erp)}, or give it the other's place: syncline unlink {a_bc}, then syncline link {erp} {a_bc}."
    )
    assert is_held(three, erp, bc)
    assert planned(three) == [], "there is nothing new"
    crm = three.create(CRM, "b", code="K1")
    three.sync()
    assert dict(three.link(erp).members) == {ERP: erp.id, BC: bc.id, CRM: crm.id}, "on every side there is one"
    assert not three.parked()


def test_new_ones_that_share_a_key_with_no_link_are_made_on_the_third_side(three: Models) -> None:
    everywhere(three, "a", code="K1")
    three.sync()
    erp, bc = three.create(ERP, "b", code="K2"), three.create(BC, "b", code="K2")
    other, crm = three.create(ERP, "c", code="K1"), three.create(CRM, "c", code="K1")
    assert three.sync().flows["customers"].created == {CRM: 1}
    assert three.link(erp) == three.link(bc)
    assert set(three.parked()) == {other, crm}


def lacking(models: Models, trace: str = "a!", **fields: Any) -> list[Ref]:
    """A new record that Business Central does not take, and so is linked in the two others only."""
    models.create(ERP, trace, **fields)
    models.sync()
    return [models.ref(side, trace) for side in (ERP, CRM)]


def test_what_could_not_be_made_on_a_side_and_was_made_there_joins(three: Models) -> None:
    erp, crm = lacking(three, code="K1")
    assert {each.cause for each in three.store.parked()} == {"refused"}
    bc = three.create(BC, "a", code="K1", phone="new")
    result = three.sync()
    link = three.link(erp)
    assert link.members == {ERP: erp.id, BC: bc.id, CRM: crm.id}
    assert result.flows["customers"].linked == 1
    assert [each.note for each in three.entries("linked") if each.ref == bc] == ["by code"]
    assert three.held(ERP, "phone") == three.held(CRM, "phone") == {"a": "new"}
    assert set(three.held(BC, "name")) == {"a"}


def test_of_two_that_could_join_a_link_neither_does(three: Models) -> None:
    erp, crm = lacking(three, code="K1")
    refs = [three.create(BC, name, code="K1") for name in ("a", "b")]
    three.sync()
    assert {each.message for ref, each in three.parked().items() if ref in refs} == {
        f"has the same code as {crm}, which is linked with {erp}"
    }
    keep_apart(three.store, [frozenset((refs[1], erp)), frozenset(refs)], three.setup.now())
    three.sync()
    assert three.link(erp).members[BC] == refs[0].id
    assert three.link(refs[1]).members.keys() == set(ALL)


def test_of_two_links_that_a_record_could_join_it_joins_neither(three: Models) -> None:
    found = [ref for n in range(2) for ref in lacking(three, f"a{n}!", code="K1" if n == 0 else "K2")]
    three.change(ERP, "a1!", code="K1")
    three.sync()
    bc = three.create(BC, "a", code="K1")
    three.sync()
    assert three.parked()[bc].message.endswith(" (and 1 more)")
    assert not any(BC in three.link(ref).members for ref in found)


def test_nobody_joins_a_link_of_which_a_record_is_gone(three: Models) -> None:
    three.agree("customers", delete=Deletion.ASK)
    erp, crm = lacking(three, code="K1")
    three.delete(ERP, "a!")
    three.sync()
    bc = three.create(BC, "a", code="K1")
    three.sync()
    assert BC not in three.link(crm).members
    assert three.parked()[bc].message == f"has the same code as {crm}, which is linked with {erp}"


def test_nobody_joins_a_link_while_it_is_not_known_what_became_of_a_write(tmp_path: Path) -> None:
    events = {f"1 {BC} create customers 1": [Fault(name="cut")], f"1 {BC} find customers 1": [Fault(name="busy")]}
    with between_models(tmp_path, events, sides=ALL, unique=False, feed=True) as models:
        erp = models.create(ERP, "a", code="K1", number="N1")
        with pytest.raises(ConnectorError):
            models.sync()
        bc = models.create(BC, "a", code="K1", number="N2")
        message = f"has the same code as {models.ref(CRM, 'a')}, which is linked with {erp}"
        assert ("park", "a", message) in planned(models)
        assert bc not in models.store.links_of([bc])


def test_nobody_joins_a_link_that_rests(three: Models) -> None:
    three.agree("customers", delete=Deletion.KEEP)
    _, bc, crm = everywhere(three, "a", code="K1")
    three.sync()
    three.delete(ERP, "a")
    three.sync()
    assert three.link(bc).state is LinkState.RESTING
    new = three.create(ERP, "b", code="K1")
    three.sync()
    assert three.parked()[new].message == f"has the same code as {bc}, which is linked with {crm}"
    assert dict(three.link(bc).members) == {BC: bc.id, CRM: crm.id}


@pytest.mark.parametrize("side", [ERP, BC])
def test_the_key_of_one_that_was_kept_alone_is_asked_about(two: Models, side: str) -> None:
    """There is a place to give it only where it is on another side."""
    two.agree("customers", delete=Deletion.KEEP)
    two.create(ERP, "a", code="K1")
    two.sync()
    two.delete(side, "a")
    two.sync()
    kept = two.ref(BC if side == ERP else ERP, "a")
    new = two.create(ERP, "b", code="K1")
    two.sync()
    told = two.parked()[new]
    assert told.message == f"has the same code as {kept}, which has a link of its own"
    place = f", or give it the other's place: syncline unlink {kept}, then syncline link {new} {kept}."
    assert told.mend == APART.format(new) + (place if side == ERP else ".")


# --- the same again, on the same side


def test_who_comes_again_on_the_same_side_is_asked_about_with_all_that_is_known(two: Models) -> None:
    one, again = two.create(ERP, "Ann!", code="K1"), two.create(ERP, "Ann", code="K1", phone="1")
    message = f"has the same code as {one}, which is not linked yet"
    assert ("park", "Ann", message) in planned(two)
    two.sync()
    told = two.parked()[again]
    assert told.mend == f"{APART.format(again)}."
    assert told.message == message
    assert is_held(two, again)
    (candidate,) = told.details["candidates"]
    assert (candidate["record"], candidate["name"], candidate["same"]) == (str(one), "Ann!", ["code"])
    assert {each["property"]: (each["left"], each["right"]) for each in candidate["differ"]}["phone"] == ("1", None)


def test_what_is_asked_about_is_planned_once(two: Models) -> None:
    one, two_ = two.create(ERP, "a1", code="K1"), two.create(ERP, "a2", code="K1")
    other = two.create(BC, "b", code="K1")
    message = "several records have the same code: "
    assert planned(two) == [
        ("park", "b", f"{message}{one}, {two_}"),
        ("park", "a1", f"{message}{other}, {two_}"),
        ("park", "a2", f"{message}{other}, {one}"),
    ]
    two.sync()
    assert is_held(two, one, two_, other)
    assert planned(two) == []
    two.change(ERP, "a2", phone="new")
    assert len(planned(two)) == 3, "who is edited is asked about with all the others"
    two.change(ERP, "a1", code="K2")
    two.sync()
    assert two.link(two_) == two.link(other)
    assert not two.parked()


def test_who_goes_on_is_tried_as_often_as_anybody(tmp_path: Path) -> None:
    """A busy system is asked again soon, however long a record was parked before."""
    events = {f"{n} {BC} create customers 1": [Fault(name="busy", seconds=0.1)] for n in range(2, 5)}
    with between_models(tmp_path, events, unique=False, feed=True) as models:
        refs = [models.create(ERP, name, code="K1") for name in ("a1", "a2")]
        models.create(BC, "b", code="K1")
        models.sync()
        models.change(BC, "b", code="K2")
        models.change(ERP, "a2", code="K3")
        models.sync()
        assert not models.parked()
        times = [each.at for each in models.journal if each.action == "created"]
        assert timedelta(seconds=2) < max(times) - min(times) < timedelta(seconds=3.5)
        assert all(ref in models.store.links_of(refs) for ref in refs)


def test_who_is_linked_after_all_is_brought_in_step_as_soon_as_anybody(tmp_path: Path) -> None:
    with between_models(
        tmp_path, {f"2 {BC} update customers 1": [Fault(name="busy", seconds=0.1)]}, unique=False, feed=True
    ) as models:
        pairs = []
        for name in ("a", "b"):
            one = models.create(ERP, name, code=name, phone=f"of {name}")
            models.create(ERP, f"{name}2", code=name)
            pairs.append((one, models.create(BC, name, code=name)))
        models.sync()
        for name in ("a", "b"):
            models.change(ERP, f"{name}2", code=f"{name}2")
        began = models.setup.now()
        assert models.sync().flows["customers"].linked == 2
        assert not models.parked()
        for one, other in pairs:
            assert models.link(one) == models.link(other)
            assert models.arrival(one) is models.arrival(other) is None
        phones = models.held(BC, "phone")
        assert (phones["a"], phones["b"]) == ("of a", "of b")
        assert models.setup.now() - began < timedelta(seconds=7)


# --- what was typed in again


def test_what_is_typed_in_again_on_several_sides_takes_the_place_of_the_deleted(three: Models) -> None:
    first, second = (everywhere(three, f"c{n}", number=f"N{n}", code=f"K{n}", phone=str(n)) for n in range(2))
    three.sync()
    links = [three.link(first[0]), three.link(second[1])]
    wholes = {ref: known(three, ref) for ref in (*first, *second)}
    three.delete(ERP, "c0")
    three.delete(BC, "c1")
    erp, bc = three.create(ERP, "c0", number="N0"), three.create(BC, "c1", number="N1")
    result = three.sync()
    assert not three.parked()
    assert result.flows["customers"].deleted == result.flows["customers"].created == {}
    assert dict(three.link(first[1]).members) == {ERP: erp.id, BC: first[1].id, CRM: first[2].id}
    assert dict(three.link(second[0]).members) == {ERP: second[0].id, BC: bc.id, CRM: second[2].id}
    assert three.held(ERP, "phone") == three.held(BC, "phone") == {"c0": "0", "c1": "1"}
    gone = [(each.link, each.ref, each.note, each.whole) for each in three.entries("deleted")]
    assert len(gone) == 2
    assert (links[0].id, first[0], "created again in erp", wholes[first[0]]) in gone
    assert (links[1].id, second[1], "created again in bc", wholes[second[1]]) in gone
    left = {each.ref: (each.link, each.note, each.whole) for each in three.entries("unlinked")}
    assert left == {
        ref: (link.id, note, wholes[ref])
        for link, note, refs in (
            (links[0], "created again in erp", first[1:]),
            (links[1], "created again in bc", [second[0], second[2]]),
        )
        for ref in refs
    }
    assert three.sync().writes == 0


def test_what_two_of_three_have_lost_is_made_again_where_nobody_typed_it_in(three: Models) -> None:
    three.customers(1)
    three.sync()
    crm = three.ref(CRM, "c0")
    three.delete(ERP, "c0")
    three.delete(BC, "c0")
    new = three.create(ERP, "c0", number="N0")
    result = three.sync()
    assert {each.note for each in three.entries("deleted", "unlinked")} == {"created again in bc, erp"}
    assert result.flows["customers"].created == {BC: 1}
    link = three.link(new)
    assert link.members == {ERP: new.id, BC: three.ref(BC, "c0").id, CRM: crm.id}


def test_what_is_typed_in_again_is_noticed_before_the_deletion_is(tmp_path: Path) -> None:
    """Of a system that tells no deletions."""
    with between_models(tmp_path) as models:
        models.create(ERP, "a", number="N1", phone="1")
        models.sync()
        kept = models.ref(BC, "a")
        models.delete(ERP, "a")
        new = models.create(ERP, "a", number="N1")
        models.sync()
        assert dict(models.link(kept).members) == {ERP: new.id, BC: kept.id}
        assert models.held(ERP, "phone") == {"a": "1"}
        assert models.arrival(new) is None


def test_by_a_key_that_only_suggests_nothing_takes_a_place(two: Models) -> None:
    two.agree("customers", match=(MatchKey(("code",)), MatchKey(("name",), suggest=True)))
    first = two.create(ERP, "Ann", code="K1")
    two.sync()
    link = two.link(first)
    two.agree("customers", delete=Deletion.ASK)
    two.delete(BC, "Ann")
    two.create(BC, "Ann")
    two.sync()
    assert two.link(first) == link


def causes(parked: dict[Ref, Parked]) -> dict[Ref, str]:
    return {ref: each.cause for ref, each in parked.items()}


def test_what_only_looks_like_a_linked_one_is_a_record_of_its_own(two: Models) -> None:
    """A suggestion is made among records that have no link."""
    by_name = MatchKey(("name",), suggest=True)
    two.agree("customers", match=(*two.setup.flows["customers"].match, by_name))
    two.create(ERP, "Ann", code="K1")
    two.sync()
    new = two.create(BC, "Ann", code="K2")
    two.sync()
    assert not two.parked()
    assert set(two.link(new).members) == {ERP, BC}
    left, right = two.create(ERP, "Ann", code="K3"), two.create(BC, "Ann", code="K4")
    two.sync()
    assert causes(two.parked()) == {left: "suggested", right: "suggested"}
