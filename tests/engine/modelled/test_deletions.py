"""What becomes of the counterparts of what was deleted, and what people are told and asked: between model systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC
from simulation.clock import EPOCH
from simulation.script import Act, Event, Fault
from syncline.engine.people.answering import Word, answer
from syncline.engine.people.joining import unlink
from syncline.engine.plan import apply, plan
from syncline.mapping.model import Deletion
from syncline.records import Link, LinkState, Ref, Shadow
from syncline.store import Entry

ERP, CRM = "erp", "crm"
ALL = (ERP, BC, CRM)


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    """A deletion travels."""
    with between_models(tmp_path, feed=True) as found:
        yield found


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Models]:
    """Three systems, with two customers each of which everything is known everywhere."""
    with between_models(tmp_path, sides=ALL, feed=True) as found:
        found.customers(2)
        found.sync()
        found.wait(minutes=1)
        yield found


def refs(models: Models, trace: str, *sides: str) -> list[Ref]:
    return [models.ref(side, trace) for side in sides]


def entry(link: Link, ref: Ref, **told: Any) -> Entry:
    return Entry(at=EPOCH, flow=ref.flow, link=link.id, ref=ref, **told)


def known(models: Models, ref: Ref) -> Shadow:
    """What is remembered of a record."""
    link = models.link(ref)
    return models.store.shadows([link.id])[link.id, ref.side]


def planned(models: Models) -> list[tuple[str, str, str | None, str]]:
    return [(row.step, row.name, row.target, row.message) for row in models.run(plan(models.setup)).rows]


# --- a deletion that travels


def test_what_was_deleted_is_deleted_everywhere_and_told_whole(three: Models) -> None:
    deleted = {trace: [three.ref(side, trace) for side in ALL] for trace in ("c0", "c1")}
    links = {trace: three.link(found[0]) for trace, found in deleted.items()}
    wholes = {ref: known(three, ref) for found in deleted.values() for ref in found}
    three.delete(ERP, "c0", "c1")
    assert planned(three) == [("delete", c, side, "deleted in erp") for c in ("c0", "c1") for side in (BC, CRM)]
    assert len(three.held(BC, "name")) == 2, "a plan deletes nothing"
    result = three.sync()
    assert result.flows["customers"].deleted == {BC: 2, CRM: 2}
    assert not any(three.held(side, "name") for side in ALL)
    told = three.entries("deleted")
    assert len(told) == 6
    for trace, (erp, *others) in deleted.items():
        link = links[trace]
        assert entry(link, erp, action="deleted", whole=wholes[erp]) in told
        for ref in others:
            how = {"origin": ERP, "note": "as it was in erp"}
            assert entry(link, ref, action="deleted", whole=wholes[ref], **how) in told
    assert not three.store.links([link.id for link in links.values()])
    assert not three.store.arrivals(list(wholes))
    assert not three.store.by_key("customers", ERP, "match:number", ["n0", "n1"])
    assert not three.store.by_key("customers", BC, "match:number", ["n0", "n1"])
    assert (three.sync().writes, len(three.entries("deleted"))) == (0, 6)


def test_what_two_of_three_have_deleted_is_deleted_in_the_third(three: Models) -> None:
    crm, link = three.ref(CRM, "c0"), three.link(three.ref(ERP, "c0"))
    three.delete(ERP, "c0")
    three.delete(BC, "c0")
    assert three.sync().flows["customers"].deleted == {CRM: 1}
    told = {each.ref: each for each in three.entries("deleted")}
    assert len(told) == 3
    assert (told[crm].note, told[crm].origin) == ("as it was in bc, erp", BC)
    assert {each.link for each in told.values()} == {link.id}


def test_what_everyone_has_deleted_is_forgotten(models: Models) -> None:
    models.customers(2)
    models.sync()
    both = refs(models, "c0", ERP, BC)
    link = models.link(both[0])
    wholes = [known(models, ref) for ref in both]
    for side in (ERP, BC):
        models.delete(side, "c0")
    assert models.sync().writes == 0
    assert sorted(models.entries("deleted"), key=lambda each: each.ref or both[0], reverse=True) == [
        entry(link, ref, action="deleted", whole=whole) for ref, whole in zip(both, wholes, strict=True)
    ]
    assert not models.store.links([link.id])
    assert not models.store.arrivals(both)
    assert list(models.held(ERP, "name")) == ["c1"]


def test_what_had_no_link_yet_is_forgotten_without_a_word(models: Models) -> None:
    models.customers(1)
    models.sync()
    ref = models.ref(ERP, "c0")
    unlink(models.store, ref, models.setup.now())
    models.sync()
    models.delete(ERP, "c0")
    models.sync()
    assert models.arrival(ref) is None
    assert ref not in models.parked()
    assert not models.entries("deleted")
    assert not models.store.by_key("customers", ERP, "match:number", ["n0"])
    assert models.store.by_key("customers", BC, "match:number", ["n0"])


def test_only_a_deletion_that_was_reviewed_is_done(models: Models) -> None:
    models.customers(2)
    models.sync()
    models.delete(ERP, "c0")
    reviewed = models.run(plan(models.setup))
    models.delete(ERP, "c1")
    result, refused = models.run(apply(models.setup, reviewed))
    assert (result.flows["customers"].deleted, refused) == ({BC: 1}, ())
    assert list(models.held(BC, "name")) == ["c1"]
    models.sync()
    assert not models.held(BC, "name")


def test_what_still_waits_of_a_record_goes_with_it(tmp_path: Path) -> None:
    """It would be taken for a new one. The link stands, since the third record was edited at that moment."""
    events = {f"2 {CRM} delete customers 1": [edit(CRM, "c0", phone="v1")]}
    with between_models(tmp_path, events, sides=ALL) as models:
        models.customers(1)
        models.sync()
        models.wait(minutes=1)
        bc = models.ref(BC, "c0")
        models.tell(bc)
        models.delete(ERP, "c0")
        models.sync(scanning=True)
        assert [models.held(side, "name") for side in ALL] == [{}, {}, {"c0": "C0"}]
        assert models.arrival(bc) is None
        assert bc not in models.parked()


def test_what_a_replica_still_lists_of_a_deleted_one_is_not_there_again(tmp_path: Path) -> None:
    lags = {f"3 {side} list customers {n}": [Fault(name="stale", seconds=4)] for side in (ERP, BC) for n in (2, 3)}
    with between_models(tmp_path, lags) as models:
        models.customers(2)
        models.sync()
        models.wait(minutes=1)
        models.change(BC, "c0", phone="changed")
        models.sync()
        models.delete(ERP, "c0")
        models.sync(scanning=True)
        models.sync()
        assert models.held(ERP, "name") == models.held(BC, "name") == {"c1": "c1"}


def test_a_line_just_added_is_not_added_again_where_a_replica_does_not_tell_it_yet(tmp_path: Path) -> None:
    """The order is deleted elsewhere at that moment, and made again: to the link that joins it then all is new."""
    deleted = Act(verb="delete", side=ERP, entity="orders", trace="o1")
    lags = Fault(name="stale", seconds=4)
    events: dict[str, Sequence[Event]] = {f"2 {ERP} list customers 2": [deleted], f"2 {BC} get orders 1": [lags]}
    with between_models(tmp_path, events, sides=ALL, feed=True, whole=False) as models:
        models.agree("orders", delete=Deletion.BLOCK)
        models.order()
        models.sync()
        models.wait(minutes=1)
        models.do("add line", ERP, "orders", "o1", "l3", text="new")
        models.sync()
        (bc,) = models.system(BC).named("orders", "o1")
        told = models.system(BC).now("orders", bc)
        assert told is not None
        assert [line["text"] for line in told.fields["lines"]] == ["lt", "", "new"]
        assert len(models.system(ERP).named("orders", "o1")) == 1


# --- a deletion that does not get through


def test_one_that_is_refused_is_parked_and_the_others_are_done(three: Models) -> None:
    """An order that only one system has refers to the customer there."""
    erp, bc, crm = refs(three, "c0", *ALL)
    link = three.link(erp)
    three.agree("orders", {ERP: {"where": {"text": ("yes",)}}, BC: {"where": {"text": ("yes",)}}})
    three.system(BC).create("orders", {"trace": "o", "number": "O1", "customer": "N0", "text": "no"})
    three.delete(ERP, "c0")
    for n in range(2):
        result = three.sync()
        assert result.flows["customers"].deleted == ({CRM: 1} if n == 0 else {})
        three.wait(minutes=1)
    parked = three.parked()[erp]
    assert (parked.cause, parked.message) == ("refused", "bc: other records refer to it")
    assert parked.details == {"side": BC, "code": "Denied", "property": None}
    assert dict(three.link(erp).members) == {ERP: erp.id, BC: bc.id}
    assert [each.ref for each in three.entries("deleted")] == [crm]
    assert three.held(BC, "name") == {"c0": "c0", "c1": "c1"}
    assert link.id == three.link(bc).id
    assert not three.store.by_key("customers", CRM, "match:number", ["n0"])
    assert three.store.by_key("customers", BC, "match:number", ["n0"])


@pytest.mark.parametrize("fault", ["busy", "cut"])
def test_one_that_gets_no_answer_is_tried_again_and_told_once(tmp_path: Path, fault: str) -> None:
    with between_models(tmp_path, {f"2 {BC} delete customers 1": [Fault(name=fault, seconds=30)]}, feed=True) as models:
        models.customers(1)
        models.sync()
        models.delete(ERP, "c0")
        began = models.setup.now()
        result = models.sync()
        took = models.setup.now() - began
        assert timedelta(seconds=30) <= took < timedelta(seconds=35) if fault == "busy" else took < timedelta(seconds=5)
        assert result.flows["customers"].deleted == {BC: 1}
        assert not result.unfinished
        assert [(each.origin, each.note) for each in models.entries("deleted")] == [
            (ERP, "as it was in erp"),
            (None, ""),
        ]


def edit(side: str, trace: str, **values: str) -> Act:
    return Act(verb="edit", side=side, entity="customers", trace=trace, values=values)


def test_one_that_meets_an_edit_at_the_last_moment_is_asked_about(tmp_path: Path) -> None:
    with between_models(tmp_path, {f"2 {BC} delete customers 1": [edit(BC, "c0", phone="v1")]}, feed=True) as models:
        models.customers(2)
        models.sync()
        models.wait(minutes=1)
        erp, bc = refs(models, "c0", ERP, BC)
        models.delete(ERP, "c0")
        assert models.sync().writes == 0
        assert models.held(BC, "phone") == {"c0": "v1", "c1": "p1"}
        (told,) = models.store.parked()
        assert (told.ref, told.cause) == (erp, "deleted")
        assert told.message == "deleted in erp, but changed in bc since"
        assert {ref for ref in (erp, bc) if models.arrival(ref)} == {erp, bc}
        models.wait(minutes=1)
        models.change(BC, "c0", phone="p0")
        models.sync()
        assert list(models.held(BC, "phone")) == ["c1"], "the edit was taken back"


def test_an_edit_in_two_systems_of_what_a_third_has_deleted_is_asked_about(three: Models) -> None:
    for side in (BC, CRM):
        three.change(side, "c0", phone=f"of {side}")
    erp = three.ref(ERP, "c0")
    three.delete(ERP, "c0")
    message = "deleted in erp, but changed in bc, crm since"
    assert planned(three) == [("park", "c0", None, message)]
    three.sync()
    told = three.parked()[erp]
    assert told.message == message
    assert told.mend == (
        "Delete it in bc, crm too (syncline parked delete), create it again in erp (restore), or leave it (keep)."
    )


# --- what the agreement says


def test_what_is_kept_rests_and_is_nobodys_counterpart(three: Models) -> None:
    three.agree("customers", delete=Deletion.KEEP)
    erp, bc, crm = refs(three, "c0", *ALL)
    link, whole = three.link(erp), known(three, erp)
    three.delete(ERP, "c0")
    three.change(BC, "c0", phone="new")
    assert three.sync().writes == 0
    assert three.entries("deleted") == [entry(link, erp, action="deleted", note="kept in bc, crm", whole=whole)]
    assert three.entries("resting") == [entry(link, bc, action="resting", note="kept in bc, crm")]
    assert three.link(bc) == replace(link, members={BC: bc.id, CRM: crm.id}, state=LinkState.RESTING)
    assert not three.store.arrivals([erp, bc, crm])
    assert not three.store.by_key("customers", ERP, "match:number", ["n0"])
    assert three.store.by_key("customers", BC, "match:number", ["n0"])
    three.change(CRM, "c0", phone="newer")
    assert three.sync().writes == 0
    assert three.link(bc).state is LinkState.RESTING
    assert not three.parked()


def test_what_may_not_be_deleted_is_created_again(three: Models) -> None:
    three.agree("customers", delete=Deletion.BLOCK)
    erp, bc, crm = refs(three, "c0", *ALL)
    link, wholes = three.link(erp), {ref: known(three, ref) for ref in (erp, bc, crm)}
    three.delete(ERP, "c0")
    three.delete(CRM, "c0")
    result = three.sync()
    assert result.flows["customers"].created == {ERP: 1, CRM: 1}
    assert not result.flows["customers"].deleted
    note = "to be created again in crm, erp"
    assert three.entries("deleted") == [
        entry(link, ref, action="deleted", note=note, whole=wholes[ref]) for ref in (crm, erp)
    ]
    assert three.entries("unlinked") == [entry(link, bc, action="unlinked", note=note, whole=wholes[bc])]
    assert three.ref(ERP, "c0") != erp
    assert three.held(ERP, "phone") == three.held(CRM, "phone") == {"c0": "p0", "c1": "p1"}
    assert {ref.id for ref in three.link(bc).refs} == {three.ref(side, "c0").id for side in ALL}
    assert not three.store.arrivals([erp, crm])


def test_what_is_asked_about_is_told_with_all_that_can_be_said(three: Models) -> None:
    three.agree("customers", delete=Deletion.ASK)
    bc = three.ref(BC, "c0")
    three.delete(ERP, "c0")
    three.delete(BC, "c0")
    message = "deleted in bc, erp, still in crm"
    assert planned(three) == [("park", "c0", None, message)]
    for _ in range(2):
        assert three.sync().writes == 0
        three.wait(minutes=1)
    (told,) = three.store.parked()
    assert (told.ref, told.cause, told.message) == (bc, "deleted", message)
    assert told.mend == (
        "Delete it in crm too (syncline parked delete), create it again in bc, erp (restore), or leave it (keep)."
    )
    held = three.arrival(bc)
    assert held is not None
    assert (held.due, held.attempts) == (None, 1)
    assert len(three.entries("parked")) == 1


@pytest.mark.parametrize("word", ["delete", "restore", "keep"])
def test_what_a_person_says_is_done_and_told_as_theirs(models: Models, word: Word) -> None:
    models.agree("customers", delete=Deletion.ASK)
    models.customers(2)
    models.sync()
    erp, bc = refs(models, "c0", ERP, BC)
    link = models.link(erp)
    models.delete(ERP, "c0")
    models.change(BC, "c0", phone="new")
    models.sync()
    answer(models.store, models.store.parked(), word, models.setup.now())
    result = models.sync()
    notes = {
        "delete": {(erp, ""), (bc, "as it was in erp, by a person")},
        "restore": {(erp, "to be created again in erp, by a person")},
        "keep": {(erp, "kept in bc, by a person")},
    }
    assert {(each.ref, each.note) for each in models.entries("deleted")} == notes[word]
    resting = [(each.ref, each.note) for each in models.entries("resting")]
    assert resting == ([(bc, "kept in bc, by a person")] if word == "keep" else [])
    assert result.flows["customers"].deleted == ({BC: 1} if word == "delete" else {})
    assert result.flows["customers"].created == ({ERP: 1} if word == "restore" else {})
    assert ("c0" in models.held(BC, "phone")) == (word != "delete")
    assert ("c0" in models.held(ERP, "phone")) == (word == "restore")
    assert models.store.links([link.id]).keys() == ({link.id} if word == "keep" else set())
    assert not models.parked()
    assert models.sync().writes == 0


def test_what_was_said_before_an_edit_was_seen_is_asked_again(models: Models) -> None:
    models.agree("customers", delete=Deletion.ASK)
    models.customers(1)
    models.sync()
    models.delete(ERP, "c0")
    models.sync()
    answer(models.store, models.store.parked(), "delete", models.setup.now())
    models.wait(minutes=1)
    models.change(BC, "c0", phone="new")
    assert models.sync().writes == 0
    assert [each.message for each in models.store.parked()] == ["deleted in erp, still in bc"]


def test_what_was_completed_is_kept(models: Models) -> None:
    models.customers(1)
    models.sync()
    erp, bc = refs(models, "c0", ERP, BC)
    models.tell(erp, closed=True)
    models.sync()
    models.delete(ERP, "c0")
    assert models.sync().writes == 0
    assert [each.note for each in models.entries("deleted", "resting")] == ["kept in bc", "kept in bc"]
    assert dict(models.link(bc).members) == {BC: bc.id}
    assert "c0" in models.held(BC, "name")


# --- what is created again, and others


def test_what_was_deleted_is_not_created_beside_one_that_has_its_number_now(tmp_path: Path) -> None:
    with between_models(tmp_path, sides=ALL, feed=True) as models:
        models.agree("customers", delete=Deletion.BLOCK)
        for n in range(2):
            models.create(ERP, f"c{n}", number=f"N{n}", code=f"K{n}")
        models.sync()
        first = models.link(models.ref(BC, "c0"))
        models.wait(minutes=1)
        gone = models.ref(CRM, "c0")
        models.delete(ERP, "c0", "c1")
        models.delete(CRM, "c0")
        new = models.create(ERP, "again", number="N0", code="K9")
        models.sync()
        told = models.parked()
        assert {ref: each.cause for ref, each in told.items()} == {gone: "deleted", new: "ambiguous"}
        assert told[gone].message == f"deleted in crm, erp, where {new} has its number now"
        assert models.link(models.ref(BC, "c0")) == first
        assert "c1" in models.held(ERP, "name"), "the other one is created again"


# --- what is said to be gone, and is there


def test_what_is_said_to_be_gone_is_looked_for_and_looked_for_again(models: Models) -> None:
    models.customers(2)
    models.sync()
    erp, bc = refs(models, "c0", ERP, BC)
    link = models.link(erp)
    models.tell_gone(erp)
    models.change(ERP, "c1", phone="new")
    began = models.setup.now()
    assert models.sync().flows["customers"].updated == {BC: 1}
    assert 2 * models.setup.settling < models.setup.now() - began < 3 * models.setup.settling
    assert models.link(bc) == link
    assert models.arrival(erp) is None
    assert not models.entries("deleted")
    assert not models.parked()


def test_what_a_last_look_shows_is_an_edit_like_any_other(tmp_path: Path) -> None:
    """Nobody but that look tells of it."""
    with between_models(tmp_path, {f"2 {ERP} get customers 3": [edit(ERP, "c0", phone="v1")]}, feed=True) as models:
        models.customers(2)
        models.sync()
        models.wait(minutes=1)
        models.tell_gone(models.ref(ERP, "c0"))
        models.sync()
        assert models.held(BC, "phone") == {"c0": "v1", "c1": "p1"}


@pytest.mark.parametrize("looks", [1, 2])
def test_a_replica_that_does_not_know_of_a_deletion_yet_is_given_time(tmp_path: Path, looks: int) -> None:
    stale = {f"2 {ERP} get customers {n + 1}": [Fault(name="stale", seconds=30)] for n in range(looks)}
    with between_models(tmp_path, stale, feed=True) as models:
        models.customers(2)
        models.sync()
        models.wait(minutes=1)
        models.delete(ERP, "c0")
        began = models.setup.now()
        models.sync()
        assert looks * models.setup.settling < models.setup.now() - began < (looks + 1) * models.setup.settling
        assert list(models.held(BC, "name")) == ["c1"]


# --- what a backup has forgotten


def test_what_a_backup_has_forgotten_is_created_again_whatever_is_agreed(models: Models) -> None:
    models.customers(2)
    models.sync()
    models.wait(minutes=1)
    models.delete(ERP, "c0")
    models.sync(restored={ERP: "repair"})
    assert set(models.held(ERP, "name")) == set(models.held(BC, "name")) == {"c0", "c1"}


def test_what_the_other_side_has_deleted_is_deleted_all_the_same(three: Models) -> None:
    three.delete(ERP, "c0")
    three.delete(BC, "c0")
    three.sync(restored={ERP: "repair"})
    assert "c0" not in three.held(CRM, "name")
