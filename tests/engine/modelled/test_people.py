"""What people say of values, links and records, and what the next pass makes of it: between model systems."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from engine.telling import untold
from simulation.agreement import BC
from simulation.clock import EPOCH
from simulation.script import Act, Fault
from syncline.engine.people import joining, releasing, restoring
from syncline.engine.people.joining import CannotJoin
from syncline.engine.people.resolving import (
    CannotResolve,
    Question,
    asked_before,
    questions,
    resolution,
    resolve,
    taken_from,
)
from syncline.engine.people.reverting import CannotUndo
from syncline.engine.people.undoing import Undo, of_change, since, undo
from syncline.engine.people.withdrawing import is_creation
from syncline.engine.plan import apply, plan
from syncline.mapping.model import Conflict, Policy
from syncline.records import Answer, LinkState, Ref, Value
from syncline.store import Entry, Memory, Parked

ERP, CRM = "erp", "crm"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    with between_models(tmp_path, feed=True) as found:
        yield found
        assert list(untold(found.store)) == []


def refs(models: Models, trace: str, *sides: str) -> list[Ref]:
    return [models.ref(side, trace) for side in sides]


def answer(models: Models, ref: Ref, name: str, value: Value, **seen: Value) -> None:
    """A person says so, having seen that."""
    said = Answer(link=models.link(ref).id, property=name, value=value, seen=seen, note="chosen", at=models.setup.now())
    models.store.save(Memory(answers=[said]))


def last(models: Models, action: str, name: str | None = None, side: str | None = None) -> Entry:
    found = [e for e in models.journal if (e.action, e.property) == (action, name) and e.ref]
    return [e for e in found if side is None or (e.ref and e.ref.side == side)][-1]


def creation(models: Models, side: str, trace: str) -> Entry:
    ref = models.ref(side, trace)
    return next(e for e in models.journal if is_creation(e) and e.ref == ref)


# --- which value it shall be


def asked(models: Models) -> list[Question]:
    return [question for parked in sorted(models.store.parked(), key=lambda p: p.ref) for question in questions(parked)]


def test_what_a_person_chooses_is_written_where_it_is_not_yet(models: Models) -> None:
    flow = models.setup.flows["customers"]
    models.create(ERP, "a", code="K1", note="old")
    models.sync()
    models.change(ERP, "a", note="left")
    models.change(BC, "a", note="right")
    models.sync()
    (question,) = asked(models)
    assert (question.property, question.line, question.rules) == ("note", None, {})
    assert question.values == {ERP: "left", BC: "right"}
    assert question.before == {ERP: "old", BC: "old"}
    assert question.link == models.link(models.ref(ERP, "a")).id
    assert taken_from(question, ERP) == "left"
    with pytest.raises(CannotResolve, match=f"crm holds no note of {question.parked.ref}; erp and bc do."):
        taken_from(question, CRM)
    made = resolution(models.store, flow, question, "left")
    assert (made.value, made.writes, made.stays) == ("left", (BC,), ())
    before = len(models.journal)
    resolve(models.store, [made], models.setup.now())
    assert not models.parked(), "it is due"
    result = models.sync()
    assert (result.writes, result.void) == (1, [])
    assert models.held(ERP, "note") == models.held(BC, "note") == {"a": "left"}
    left, right = refs(models, "a", ERP, BC)
    assert models.told(before) == [
        f"{left} edited note: old -> left ()",
        f"{right} updated note: right -> left (resolved)",
        f"{right} lost note: right -> left (resolved)",
    ]
    assert not models.store.answered_links()
    assert models.sync().writes == 0


def test_of_several_questions_each_is_answered_by_itself(models: Models) -> None:
    """Of a line as of a record; what nobody holds yet is written everywhere."""
    agreed = models.setup.flows["orders"]
    assert agreed.lines
    ask = replace(agreed.lines.properties["text"], conflict=Conflict(Policy.ASK))
    lines = replace(agreed.lines, properties={**agreed.lines.properties, "text": ask})
    models.agree("orders", lines=lines)
    models.order()
    models.sync()
    for side in (ERP, BC):
        models.do("edit line", side, "orders", "o1", "l1", text=f"{side} 1")
        models.do("edit line", side, "orders", "o1", "l2", text=f"{side} 2")
    models.sync()
    one, two = asked(models)
    assert (one.line, two.line) == ("erp:erp-l7", "erp:erp-l9")
    flow = models.setup.flows["orders"]
    made = [resolution(models.store, flow, one, "bc 1"), resolution(models.store, flow, two, "both")]
    assert [each.writes for each in made] == [(ERP,), (ERP, BC)]
    resolve(models.store, made, models.setup.now())
    models.sync()
    for side in (ERP, BC):
        ((_, _, told),) = models.system(side).records("orders")
        assert [line["text"] for line in told] == ["bc 1", "both"]
    assert not models.parked()


def test_what_a_side_does_not_take_or_is_not_given_is_said_before(models: Models) -> None:
    models.order()
    models.sync()
    order = Ref("orders", ERP, models.system(ERP).named("orders", "o1")[0])
    new = models.create(ERP, "new", code="K9")
    linked = models.link(models.ref(ERP, "c1")).id
    parked = Parked(ref=order, cause="conflict", message="", since=models.setup.now())
    seen = {ERP: linked, BC: linked}
    told = Question(
        parked=parked, link=models.link(order).id, property="customer", line=None, values=seen, before={}, rules={}
    )
    flow = models.setup.flows["orders"]
    with pytest.raises(CannotResolve, match=f"erp cannot take that as customer of {order}: what it points to is not"):
        resolution(models.store, flow, told, "no link")
    assert resolution(models.store, flow, told, linked).writes == ()
    unlinked = replace(told, values={ERP: None, BC: None})
    assert resolution(models.store, flow, unlinked, linked).writes == (ERP, BC)
    assert resolution(models.store, flow, told, None).writes == (ERP, BC)
    with pytest.raises(CannotResolve, match="The agreement has no colour any more"):
        resolution(models.store, flow, replace(told, property="colour"), None)
    total = replace(told, property="total", values={ERP: Decimal(1), BC: Decimal(2)})
    made = resolution(models.store, flow, total, Decimal(1))
    assert (made.writes, made.stays) == ((), (BC,)), "who works it out by itself keeps it"
    assert models.sync().flows["customers"].created == {BC: 1}
    assert models.store.links_of([new])


def test_an_answer_of_which_nothing_is_due_is_done_all_the_same(models: Models) -> None:
    models.customers(2)
    models.sync()
    for trace in ("c0", "c1"):
        answer(models, models.ref(ERP, trace), "phone", f"new {trace}", erp=f"p{trace[1]}", bc=f"p{trace[1]}")
    before = len(models.journal)
    assert models.sync().writes == 4
    assert models.held(ERP, "phone") == models.held(BC, "phone") == {"c0": "new c0", "c1": "new c1"}
    told = [each for each in models.told(before) if "c0" in each]
    assert sorted(told) == [f"{ref} updated phone: p0 -> new c0 (chosen)" for ref in refs(models, "c0", BC, ERP)]
    assert not models.store.answered_links()


def test_an_answer_is_void_where_a_side_was_changed_since_and_where_the_link_rests(models: Models) -> None:
    models.customers(2)
    models.sync()
    left = [models.ref(ERP, trace) for trace in ("c0", "c1")]
    links = [models.link(ref) for ref in left]
    models.agree("customers", {ERP: {"where": {"terms": ("t0",)}}})
    models.tell(left[1])
    models.sync()
    models.wait(minutes=1)
    for n, ref in enumerate(left):
        answer(models, ref, "phone", "new", erp=f"p{n}", bc=f"p{n}")
    models.change(BC, "c0", phone="theirs")
    result = models.sync()
    told = [(links[1].refs[0], links[1].id, "it is resting"), (left[0], links[0].id, "it was changed since")]
    assert sorted(result.void) == sorted(f"{ref}: phone was not chosen: {why}" for ref, _, why in told)
    assert sorted(models.entries("void"), key=lambda each: each.note) == [
        Entry(
            at=EPOCH,
            flow="customers",
            link=link,
            ref=ref,
            action="void",
            property="phone",
            new="new",
            note=f"chosen: {why}",
        )
        for ref, link, why in told
    ]
    assert models.held(ERP, "phone") == {"c0": "theirs", "c1": "p1"}
    assert not models.store.answered_links()
    assert models.sync().void == []


def test_a_void_answer_about_a_line_is_told_of_that_line(models: Models) -> None:
    models.order()
    models.sync()
    (pair,) = models.store.pairs("orders", None, 10)
    first = pair.shadows[ERP].lines[0].line
    said = Answer(
        link=pair.link.id,
        property="text",
        line=first,
        value="mine",
        seen={ERP: "lt", BC: "lt"},
        note="chosen",
        at=models.setup.now(),
    )
    models.store.save(Memory(answers=[said]))
    models.do("edit line", BC, "orders", "o1", "l1", text="theirs")
    models.sync()
    assert [(each.line, each.property, each.new) for each in models.entries("void")] == [(first, "text", "mine")]
    ((_, _, lines),) = models.system(ERP).records("orders")
    assert [line["text"] for line in lines] == ["theirs", None]


def test_an_answer_that_a_system_will_not_have_is_asked_again(models: Models) -> None:
    models.create(ERP, "a", code="K1")
    models.sync()
    left, right = refs(models, "a", ERP, BC)
    answer(models, left, "name", "no!", erp="a", bc="a")
    assert dict(models.sync().flows["customers"].parked) == {"refused": 1}
    assert (models.held(ERP, "name"), models.held(BC, "name")) == ({"a": "no!"}, {"a": "a"})
    (parked,) = models.store.parked()
    assert questions(parked) == ()
    flow = models.setup.flows["customers"]
    (question,) = asked_before(models.store, flow, parked)
    assert (question.property, question.line, question.link) == ("name", None, models.link(left).id)
    assert question.values == {ERP: "no!", BC: "a"}
    made = resolution(models.store, flow, question, "yes")
    assert made.writes == (ERP, BC)
    resolve(models.store, [made], models.setup.now())
    models.sync()
    assert models.held(ERP, "name") == models.held(BC, "name") == {"a": "yes"}
    assert not models.parked()
    assert not models.store.answered_links()
    assert models.link(right) == models.link(left)


# --- which are the same


def test_who_is_said_to_be_the_same_is_linked_by_the_next_pass(models: Models) -> None:
    """Whether something of them is waiting or not."""
    flow = models.setup.flows["customers"]
    left = models.create(ERP, "a", code="K1", phone="1")
    right = models.create(BC, "b", code="K2", terms="T")
    other = models.create(ERP, "x", code="K3")
    assert joining.link(models.store, flow, [right, left], models.setup.now()) == {ERP: left.id, BC: right.id}
    with pytest.raises(CannotJoin, match=f"{left} is to be linked by the next pass already: {left}, {right}."):
        joining.link(models.store, flow, [left, Ref("customers", BC, "z")], models.setup.now())
    for wrong in ([left], [left, other], [left, other, right]):
        with pytest.raises(CannotJoin, match="A link takes one record of each side, and these are: "):
            joining.link(models.store, flow, wrong, models.setup.now())
    reviewed = models.run(plan(models.setup))
    (row,) = [row for row in reviewed.rows if row.step == "link"]
    assert (row.key, row.name, row.members) == ("a person's word", "a", {ERP: left.id, BC: right.id})
    assert set(row.versions) == {ERP, BC}
    result = models.sync()
    assert result.flows["customers"].linked == 1
    assert models.link(left) == models.link(right)
    assert {each.ref: each.note for each in models.entries("linked")} == {left: "by a person", right: "by a person"}
    assert (models.held(BC, "phone")["a"], models.held(ERP, "terms")["a"]) == ("1", "T")
    assert not models.store.wishes()
    with pytest.raises(CannotJoin, match=f"{left} has a link already with {right}. syncline unlink {left} ends it."):
        joining.link(models.store, flow, [left, right], models.setup.now())


def test_a_record_that_is_left_alone_for_its_age_can_be_linked_by_hand(models: Models) -> None:
    right = models.create(BC, "b", code="K2", terms="T")
    models.wait(hours=1)
    models.agree("customers", {BC: {"since": models.setup.now()}})
    models.sync()
    assert models.arrival(right) is None
    left = models.create(ERP, "a", code="K1", phone="1")
    joining.link(models.store, models.setup.flows["customers"], [left, right], models.setup.now())
    models.sync()
    assert models.link(left) == models.link(right)
    assert (models.held(BC, "phone"), models.held(ERP, "terms")) == ({"a": "1"}, {"a": "T"})


def test_what_can_be_linked_no_more_is_told_once(models: Models) -> None:
    flow = models.setup.flows["customers"]
    left = models.create(ERP, "a", code="K1")
    gone = Ref("customers", BC, "gone")
    joining.link(models.store, flow, [left, gone], models.setup.now())
    assert models.sync().unfinished == [f"{gone} cannot be linked: there is no such record."]
    assert not models.store.wishes()
    assert models.sync().unfinished == []


def test_only_links_of_people_that_were_reviewed_are_made(models: Models) -> None:
    flow = models.setup.flows["customers"]
    pairs = [(models.create(ERP, a, code=a), models.create(BC, b, code=b)) for a, b in ("ab", "cd")]
    for pair in pairs[:1]:
        joining.link(models.store, flow, pair, models.setup.now())
    reviewed = models.run(plan(models.setup))
    joining.link(models.store, flow, pairs[1], models.setup.now())
    reviewed = replace(reviewed, rows=tuple(row for row in reviewed.rows if row.step == "link"))
    ticks, clock = count(), models.setup.now
    models.setup = replace(models.setup, now=lambda: clock() + timedelta(microseconds=10 * next(ticks)))
    models.run(apply(models.setup, reviewed))
    assert [set(wish.refs) for wish in models.store.wishes()] == [set(pairs[1])]
    assert set(models.store.links_of([ref for pair in pairs for ref in pair])) == set(pairs[0])


def test_who_is_unlinked_waits_for_a_person_and_is_kept_apart(models: Models) -> None:
    models.customers(1, code="K1")
    models.sync()
    left, right = refs(models, "c0", ERP, BC)
    link = models.link(left)
    known = models.store.shadows([link.id])
    with pytest.raises(CannotJoin, match="customers/nobody has no link"):
        joining.unlink(models.store, Ref("customers", ERP, "nobody"), models.setup.now())
    models.change(ERP, "c0", phone="later")
    assert joining.unlink(models.store, right, models.setup.now()) == link
    assert models.sync().writes == 0
    assert not models.store.links_of([left, right])
    assert {each.ref: (each.note, each.whole) for each in models.entries("unlinked")} == {
        ref: ("by a person", known[link.id, ref.side]) for ref in (left, right)
    }
    for ref, other in ((left, right), (right, left)):
        parked = models.parked()[ref]
        assert (parked.cause, parked.message) == ("unlinked", f"was unlinked from {other}")
        assert parked.mend == (
            f"Say what it is the same as (syncline link {ref} OTHER), or that it is new (syncline parked retry {ref})."
        )
        held = models.arrival(ref)
        assert held is not None
        assert held.due is None
    assert models.store.apart([left, right]) == {frozenset((left, right))}
    assert not models.store.wishes()
    joining.link(models.store, models.setup.flows["customers"], [left, right], models.setup.now())
    models.sync()
    assert models.link(left) == models.link(right)
    assert not models.store.apart([left, right]), "together again, they are not kept apart"
    assert models.held(BC, "phone") == {"c0": "later"}


def test_a_link_ends_though_its_records_are_gone_or_take_no_part(models: Models) -> None:
    models.customers(1)
    models.sync()
    left, right = refs(models, "c0", ERP, BC)
    joining.unlink(models.store, left, models.setup.now())
    models.agree("customers", {ERP: {"where": {"search": ("yes",)}}})
    models.delete(BC, "c0")
    models.sync()
    assert not models.store.links_of([left, right])
    assert not models.parked()
    assert models.arrival(left) is models.arrival(right) is None
    assert not models.store.by_key("customers", BC, "match:number", ["n0"])


def test_a_link_that_is_no_more_is_not_ended(models: Models) -> None:
    models.customers(1)
    models.sync()
    left, right = refs(models, "c0", ERP, BC)
    joining.unlink(models.store, left, models.setup.now())
    joining.unlink(models.store, left, models.setup.now())
    assert models.sync().unfinished == [f"{right}, {left} are not linked any more."]


def test_whose_write_is_not_known_is_not_unlinked(tmp_path: Path) -> None:
    events = {f"2 {BC} update customers 1": [Fault(name="late", seconds=8)]}
    events[f"2 {BC} get customers 1"] = [Fault(name="busy")]
    with between_models(tmp_path, events, feed=True) as models:
        models.customers(1)
        models.sync()
        left = models.ref(ERP, "c0")
        models.change(ERP, "c0", phone="new")
        with pytest.raises(Exception, match=r"busy|too many"):
            models.sync()
        with pytest.raises(CannotJoin, match=f"It is not known yet what became of a write to {left}."):
            joining.unlink(models.store, left, models.setup.now())


def test_records_are_kept_apart_but_those_that_are_linked(models: Models) -> None:
    models.customers(2)
    models.sync()
    one, two = (refs(models, trace, ERP, BC) for trace in ("c0", "c1"))
    apart = frozenset((one[0], two[1]))
    assert joining.keep_apart(models.store, [frozenset(one), apart], models.setup.now()) == [apart]
    with pytest.raises(CannotJoin, match=f"are linked. syncline unlink {min(one)} ends that, and keeps them apart."):
        joining.keep_apart(models.store, [frozenset(one)], models.setup.now())
    with pytest.raises(CannotJoin, match="Only records of one flow may be taken for the same, and these are: "):
        joining.keep_apart(models.store, [frozenset((one[0], Ref("orders", BC, "o")))], models.setup.now())


def test_what_is_parked_is_tried_again_when_a_person_says_so(models: Models) -> None:
    models.create(ERP, "no!", code="K1")
    models.create(ERP, "never!", code="K2")
    models.sync()
    one, other = sorted(models.store.parked(), key=lambda each: each.ref)
    releasing.retry(models.store, [one], models.setup.now())
    assert list(models.parked()) == [other.ref]
    due = models.arrival(one.ref)
    assert due is not None
    assert (due.due, due.attempts) == (models.setup.now(), 0)
    held = models.arrival(other.ref)
    assert held is not None
    assert held.due is None
    models.sync()
    assert set(models.parked()) == {one.ref, other.ref}


# --- what is taken back


def back(models: Models, entry: Entry, *, over_later: bool = False) -> Undo:
    made = of_change(models.store, models.setup.flows, entry.seq, over_later=over_later)
    undo(models.store, made, models.setup.now())
    return made


def test_a_change_is_taken_back_on_every_side_and_the_undo_too(models: Models) -> None:
    """In the words of who says it all, which the other cuts."""
    models.create(ERP, "a", code="K1", credit=Decimal("1.5"))
    models.sync()
    models.wait(minutes=1)
    models.change(BC, "a", credit=Decimal(7))
    models.sync()
    assert models.held(ERP, "credit") == {"a": Decimal(7)}
    before = len(models.journal)
    made = back(models, last(models, "edited", "credit"))
    (told,) = made.back
    assert (told.flow, told.property, told.line, told.value) == ("customers", "credit", None, Decimal("1.5"))
    assert (told.now, told.writes) == ({ERP: Decimal(7), BC: Decimal(7)}, (ERP, BC))
    assert (made.withdrawn, made.restored, made.kept, bool(made)) == ((), (), (), True)
    models.wait(minutes=1)
    models.sync()
    assert models.held(ERP, "credit") == {"a": Decimal("1.5")}
    assert models.held(BC, "credit") == {"a": Decimal(1)}
    assert {(e.note, e.origin) for e in models.journal[before:]} == {("undone", None)}
    models.wait(minutes=1)
    back(models, last(models, "updated", "credit"))
    models.sync()
    assert models.held(ERP, "credit") == models.held(BC, "credit") == {"a": Decimal(7)}


def test_a_later_change_is_lost_only_if_that_is_said(models: Models) -> None:
    models.create(ERP, "a", code="K1", phone="1")
    models.sync()
    for phone in ("2", "3"):
        models.wait(minutes=1)
        models.change(ERP, "a", phone=phone, terms=phone)
        models.sync()
    first = next(e for e in models.journal if (e.action, e.property, e.new) == ("edited", "phone", "2"))
    later = [str(e.seq) for e in models.journal if e.property == "phone" and e.new == "3"]
    with pytest.raises(
        CannotUndo,
        match=rf"phone was changed again since \({', '.join(later)}\): to undo {first.seq} would lose that. --ov",
    ):
        back(models, first)
    back(models, first, over_later=True)
    models.sync()
    assert models.held(ERP, "phone") == models.held(BC, "phone") == {"a": "1"}
    assert models.held(BC, "terms") == {"a": "3"}


def test_a_side_that_holds_it_already_is_not_written(models: Models) -> None:
    """One that cuts an amount has not noticed the change."""
    models.create(ERP, "a", code="K1", credit=Decimal("2.5"))
    models.sync()
    models.wait(minutes=1)
    models.change(ERP, "a", credit=Decimal("2.7"))
    models.sync()
    (told,) = back(models, last(models, "edited", "credit")).back
    assert (told.value, told.writes) == (Decimal("2.5"), (ERP,))
    assert models.sync().flows["customers"].updated == {ERP: 1}
    assert models.held(ERP, "credit") == {"a": Decimal("2.5")}
    assert not since(models.store, models.setup.flows, EPOCH, refs=[models.ref(ERP, "a")]).back, "it is so already"


def test_what_gave_way_is_brought_back(models: Models) -> None:
    models.create(ERP, "a", code="K1", phone="1")
    models.sync()
    models.change(ERP, "a", phone="ours")
    models.wait(minutes=1)
    models.change(BC, "a", phone="theirs")
    models.sync()
    (told,) = back(models, last(models, "lost", "phone")).back
    assert (told.value, told.writes) == ("ours", (ERP, BC))
    models.sync()
    assert models.held(ERP, "phone") == models.held(BC, "phone") == {"a": "ours"}


def test_what_cannot_be_taken_back_is_said(models: Models) -> None:
    models.customers(2)
    models.create(BC, "own", code="K5", balance=Decimal(1))
    models.sync()
    models.wait(minutes=1)
    models.change(ERP, "c0", phone="2")
    models.change(BC, "own", balance=Decimal(2))
    models.sync()
    with pytest.raises(CannotUndo, match="The journal has no entry 100000: syncline history RECORD --json tells the"):
        of_change(models.store, models.setup.flows, 100_000)
    agreed = last(models, "agreed")
    with pytest.raises(CannotUndo, match=rf"Entry {agreed.seq} \(agreed\) cannot be undone: it changed no value."):
        back(models, agreed)
    with pytest.raises(CannotUndo, match="balance cannot be undone: the agreement lets nothing of it be written to bc"):
        back(models, last(models, "updated", "balance"))
    edited = last(models, "edited", "phone")
    for flows, why in (
        ({}, "the flow is not in the agreement any more"),
        ({"customers": replace(models.setup.flows["customers"], properties={})}, "The agreement has no phone any more"),
    ):
        with pytest.raises(CannotUndo, match=f"phone cannot be undone: {why}"):
            of_change(models.store, flows, edited.seq)
    link = models.link(models.ref(ERP, "c0"))
    models.store.save(Memory(links=[replace(link, state=LinkState.COMPLETED)]))
    with pytest.raises(CannotUndo, match="phone cannot be undone: its link is completed"):
        back(models, edited)
    models.store.save(Memory(links=[link]))
    joining.unlink(models.store, models.ref(ERP, "c0"), models.setup.now())
    models.sync()
    with pytest.raises(CannotUndo, match="phone cannot be undone: the records are not linked any more"):
        back(models, edited)


def test_what_is_done_since_a_moment_is_taken_back_but_for_what_stays(models: Models) -> None:
    """Whatever of it was done once or twice goes back to what was before the first."""
    models.order()
    models.create(ERP, "c0", code="K8", phone="p0", terms="T")
    models.sync()
    models.wait(minutes=1)
    moment = models.setup.now()
    for phone in ("1", "2"):
        models.change(ERP, "c0", phone=phone)
        models.sync()
        models.wait(minutes=1)
    models.change(ERP, "c1", terms="U")
    models.do("edit line", ERP, "orders", "o1", "l1", text="other")
    models.do("remove line", ERP, "orders", "o1", "l2")
    new = models.create(ERP, "new", code="K9")
    models.sync()
    flows, store = models.setup.flows, models.store
    made = since(store, flows, moment)
    told = {(each.flow, each.property, each.value) for each in made.back}
    assert ("customers", "phone", "p0") in told
    assert ("orders", "text", "lt") in told
    assert [each.stays for each in made.withdrawn] == [[new]]
    assert made.restored == ()
    whys = {(kept.entry.flow, kept.entry.action, kept.why) for kept in made.kept}
    assert ("orders", "deleted", "what was deleted is not brought back; the history has it whole") in whys
    only = since(store, flows, moment, flow="customers")
    assert {each.flow for each in only.back} == {"customers"}
    of_one = since(store, flows, moment, refs=[models.ref(ERP, "c0")])
    assert [(each.property, each.value) for each in of_one.back] == [("phone", "p0")]
    assert not since(store, flows, models.setup.now() + timedelta(seconds=1))
    undo(store, made, models.setup.now())
    models.wait(minutes=1)
    models.sync()
    assert models.held(ERP, "phone")["c0"] == models.held(BC, "phone")["c0"] == "p0"
    assert sorted(models.held(BC, "name")) == ["c0", "c1"]
    assert "new" in models.held(ERP, "name")
    ((_, _, lines),) = models.system(BC).records("orders")
    assert [line["text"] for line in lines] == ["lt"]
    again = since(store, flows, moment)
    assert not again.withdrawn
    assert not again.restored, "an undo is left alone with what it took back"


# --- records that were created


def test_what_was_created_is_deleted_again_and_what_it_came_from_stays(models: Models) -> None:
    models.customers(2)
    models.sync()
    left, right = refs(models, "c0", ERP, BC)
    link = models.link(left)
    created = creation(models, BC, "c0")
    made = back(models, created)
    (told,) = made.withdrawn
    assert (told.entry, told.ref, told.link, told.stays) == (created, right, link, [left])
    with pytest.raises(
        CannotUndo, match=rf"Entry {created.seq} \(created\) cannot be undone: the next pass deletes it"
    ):
        back(models, created)
    (row,) = models.run(plan(models.setup)).rows
    assert (row.step, row.target, row.message) == ("delete", BC, "undone: it was created by Syncline")
    before = len(models.journal)
    result = models.sync()
    assert result.flows["customers"].deleted == {BC: 1}
    assert list(models.held(BC, "name")) == ["c1"]
    note = "created by Syncline, undone by a person"
    assert models.told(before) == [
        f"{right} deleted (by erp, {note}) whole",
        f"{left} resting ({right}: {note})",
    ]
    assert (models.link(left).state, models.link(left).members) == (LinkState.RESTING, {ERP: left.id})
    assert not models.store.wishes()
    assert not models.store.open_intents()
    assert not models.store.by_key("customers", BC, "match:number", ["n0"])
    models.change(ERP, "c0", phone="new")
    assert models.sync().writes == 0
    with pytest.raises(CannotUndo, match="it is not linked any more"):
        back(models, created)


def test_what_was_changed_there_since_is_deleted_only_if_that_is_said(models: Models) -> None:
    models.customers(1)
    models.sync()
    created = creation(models, BC, "c0")
    models.change(BC, "c0", phone="theirs", terms="T")
    models.sync()
    with pytest.raises(CannotUndo, match=r"it was changed in bc since \(terms, phone\), which would be lost; --ov"):
        back(models, created)
    assert back(models, created, over_later=True).withdrawn
    models.sync()
    assert not models.held(BC, "name")
    assert models.held(ERP, "phone") == {"c0": "theirs"}


def test_a_change_that_nobody_had_seen_makes_it_void(models: Models) -> None:
    models.customers(2)
    models.sync()
    right = models.ref(BC, "c0")
    for trace in ("c0", "c1"):
        back(models, creation(models, BC, trace))
    models.change(BC, "c0", phone="theirs")
    result = models.sync()
    why = "it was changed in bc since (phone)"
    assert result.void == [f"{right} was not deleted again: {why}"]
    assert result.flows["customers"].deleted == {BC: 1}
    assert models.held(ERP, "phone") == {"c0": "theirs", "c1": "p1"}
    assert [(each.ref, each.note, each.link) for each in models.entries("void")] == [
        (right, f"not deleted again: {why}", models.link(right).id)
    ]
    assert not models.store.wishes()


def test_what_was_deleted_by_somebody_else_is_told_as_theirs(models: Models) -> None:
    models.customers(1)
    models.sync()
    left, right = refs(models, "c0", ERP, BC)
    back(models, creation(models, BC, "c0"))
    models.delete(BC, "c0")
    before = len(models.journal)
    result = models.sync()
    assert result.flows["customers"].deleted == {}
    why = "it was gone when an undo was to delete it"
    assert models.told(before) == [f"{right} deleted ({why}) whole", f"{left} resting ({right}: {why})"]
    assert list(models.held(ERP, "name")) == ["c0"]


@pytest.mark.parametrize(("fault", "place"), [("cut", ""), ("cut", ", answer"), ("busy", ""), ("late", "")])
def test_a_deletion_whose_answer_was_lost_is_done_once_and_told_as_ours(tmp_path: Path, fault: str, place: str) -> None:
    with between_models(
        tmp_path, {f"2 {BC} delete customers{place} 1": [Fault(name=fault, seconds=3)]}, feed=True
    ) as models:
        models.customers(1)
        models.sync()
        right = models.ref(BC, "c0")
        back(models, creation(models, BC, "c0"))
        assert models.sync().void == []
        models.wait(minutes=1)
        assert models.sync().void == []
        assert not models.held(BC, "name")
        assert [(e.ref, e.origin, e.note) for e in models.entries("deleted")] == [
            (right, ERP, "created by Syncline, undone by a person")
        ]
        assert list(models.held(ERP, "name")) == ["c0"]
        assert not models.store.wishes()
        assert not models.store.open_intents()
        assert list(untold(models.store)) == []


def test_an_edit_at_the_last_moment_makes_it_void(tmp_path: Path) -> None:
    edit = Act(verb="edit", side=BC, entity="customers", trace="c0", values={"phone": "late"})
    with between_models(tmp_path, {f"2 {BC} delete customers 1": [edit]}, feed=True) as models:
        models.customers(1)
        models.sync()
        back(models, creation(models, BC, "c0"))
        (told,) = models.sync().void
        assert "it was changed in bc since (phone)" in told
        assert models.held(ERP, "phone") == {"c0": "late"}
        assert not models.store.open_intents()


def test_what_is_no_pair_of_the_agreement_is_not_deleted_again(models: Models) -> None:
    models.customers(1)
    models.sync()
    created = creation(models, BC, "c0")
    link = models.link(models.ref(ERP, "c0"))
    flows, customers = models.setup.flows, models.setup.flows["customers"]
    read = replace(customers, sides={**customers.sides, BC: replace(customers.sides[BC], write=False)})
    for others, why in (
        ({}, "the agreement has no such flow, or no such side of it, any more"),
        ({**flows, "customers": read}, "the agreement lets nothing be written to bc"),
    ):
        with pytest.raises(CannotUndo, match=rf"Entry {created.seq} \(created\) cannot be undone: {why}."):
            of_change(models.store, others, created.seq)
    models.store.save(Memory(links=[replace(link, state=LinkState.COMPLETED)]))
    with pytest.raises(CannotUndo, match=rf"Entry {created.seq} \(created\) cannot be undone: its link is completed."):
        back(models, created)
    models.store.save(Memory(links=[link]))
    back(models, created)
    models.agree("customers", {BC: {"write": False}})
    assert models.sync().void == [
        f"{models.ref(BC, 'c0')} was not deleted again: the agreement lets nothing be written to bc"
    ]
    assert list(models.held(BC, "name")) == ["c0"]


def test_what_is_unlinked_before_stays(models: Models) -> None:
    models.customers(1)
    models.sync()
    right = models.ref(BC, "c0")
    back(models, creation(models, BC, "c0"))
    joining.unlink(models.store, right, models.setup.now())
    assert models.sync().void == [f"{right} was not deleted again: it is not linked any more"]
    assert list(models.held(BC, "name")) == ["c0"]


def test_what_others_refer_to_is_deleted_after_them(models: Models) -> None:
    """The wishes come in any order; what still refers to it keeps it."""
    models.order()
    models.sync()
    flows, store = models.setup.flows, models.store
    made = since(store, flows, EPOCH)
    assert [each.link.flow for each in made.withdrawn] == ["orders", "customers", "products"]
    undo(store, made, models.setup.now())
    result = models.sync()
    assert {flow: dict(tally.deleted) for flow, tally in result.flows.items() if tally.deleted} == {
        "orders": {BC: 1},
        "customers": {BC: 1},
        "products": {BC: 1},
    }
    assert not models.held(BC, "name")
    assert list(models.held(ERP, "name")) == ["c1"]
    again = since(store, flows, EPOCH)
    assert not again.withdrawn
    assert {kept.why for kept in again.kept if is_creation(kept.entry)} == {"it was deleted again since"}


# --- records that were deleted


def deletion(models: Models, side: str) -> Entry:
    return next(e for e in models.journal if restoring.is_deletion(e) and e.ref and e.ref.side == side)


def test_what_was_deleted_comes_back_whole_and_finds_its_counterpart(models: Models) -> None:
    models.create(ERP, "a", code="K1", phone="1", credit=Decimal("2.5"))
    models.sync()
    models.wait(minutes=1)
    moment = models.setup.now()
    models.delete(ERP, "a")
    models.sync()
    entry = deletion(models, BC)
    made = of_change(models.store, models.setup.flows, entry.seq)
    assert (made.restored, made.back, made.withdrawn) == ((entry,), (), ())
    ref = models.run(restoring.restore(models.setup, entry))
    assert ref == models.ref(BC, "a")
    assert models.entries("created")[-1] == Entry(
        at=EPOCH, flow="customers", link=None, ref=ref, action="created", note=restoring.note_of(entry)
    )
    assert not models.store.open_intents()
    models.sync()
    for side in (ERP, BC):
        assert (models.held(side, "phone"), models.held(side, "code")) == ({"a": "1"}, {"a": "K1"})
    assert not models.parked()
    kept = since(models.store, models.setup.flows, moment).kept
    assert (entry, "an undo brought it back already") in [(each.entry, each.why) for each in kept]
    with pytest.raises(CannotUndo, match=f"bc has a record with the number .* already: {ref}."):
        models.run(restoring.restore(models.setup, entry))
    assert len(models.held(BC, "name")) == 1


def test_what_a_system_will_not_have_back_is_told_in_its_words(models: Models) -> None:
    models.create(ERP, "a", code="K1")
    models.sync()
    models.delete(ERP, "a")
    models.sync()
    entry = deletion(models, BC)
    assert entry.whole
    bad = replace(entry, whole=replace(entry.whole, values={**entry.whole.values, "name": "no!"}))
    with pytest.raises(CannotUndo, match="It was not created in bc: ! may not stand in a name"):
        models.run(restoring.restore(models.setup, bad))
    assert not models.store.open_intents()
    assert models.sync().writes == 0


def test_an_order_comes_back_with_its_lines_once_what_it_points_to_is_back(models: Models) -> None:
    models.order()
    models.sync()
    for entity, trace in (("orders", "o1"), ("customers", "c1"), ("products", "p1")):
        models.do("delete", ERP, entity, trace)
        models.sync()
    order, customer, product = (
        next(e for e in models.journal if restoring.is_deletion(e) and e.flow == flow)
        for flow in ("orders", "customers", "products")
    )
    with pytest.raises(CannotUndo, match="It waits for what it points to, which is not in bc yet"):
        models.run(restoring.restore(models.setup, order))
    for entry in (customer, product, order):
        assert models.run(restoring.restore(models.setup, entry)) is not None
    models.sync()
    for side in (ERP, BC):
        ((_, header, lines),) = models.system(side).records("orders")
        assert header["text"] == "t"
        assert [line["quantity"] for line in lines] == [Decimal(2), Decimal(3)]
    assert not models.parked()


def test_what_was_deleted_again_by_an_undo_is_left_to_the_next_pass(models: Models) -> None:
    models.customers(1)
    models.sync()
    left = models.ref(ERP, "c0")
    back(models, creation(models, BC, "c0"))
    models.sync()
    models.change(ERP, "c0", phone="new")
    models.sync()
    entry = deletion(models, BC)
    before = len(models.journal)
    assert models.run(restoring.restore(models.setup, entry)) is None
    assert models.told(before) == [f"{left} unlinked ({restoring.note_of(entry)}) whole"]
    models.sync()
    assert models.held(BC, "phone") == {"c0": "new"}
    assert models.link(left).state is LinkState.ACTIVE
    again = since(models.store, models.setup.flows, EPOCH)
    assert not again.restored
    whys = {(kept.entry.action, kept.why) for kept in again.kept}
    assert ("created", "it was deleted again since") in whys
    assert ("created", "an undo brought it back") in whys
    with pytest.raises(CannotUndo, match=r"took its place|already"):
        models.run(restoring.restore(models.setup, entry))


def test_what_the_agreement_has_no_place_for_does_not_come_back(models: Models) -> None:
    models.create(ERP, "a", code="K1", phone="1", terms="T")
    models.sync()
    models.delete(ERP, "a")
    models.sync()
    entry = deletion(models, BC)
    flows, agreed = models.setup.flows, models.setup.flows["customers"]
    alone = replace(agreed, sides={BC: agreed.sides[BC]})
    read = replace(agreed, sides={**agreed.sides, BC: replace(agreed.sides[BC], write=False)})
    no_flow = "the agreement has no such flow, or no such side of it, any more"
    for others, told, why in (
        ({}, entry, no_flow),
        ({**flows, "customers": alone}, entry, no_flow),
        ({**flows, "customers": read}, entry, "the agreement lets nothing be written to bc"),
        (flows, replace(entry, whole=None), "the journal does not have it whole"),
    ):
        with pytest.raises(CannotUndo, match=f"^{why}$"):
            restoring.check(others, told)
    models.agree("customers", properties={name: p for name, p in agreed.properties.items() if name != "phone"})
    models.run(restoring.restore(models.setup, entry))
    assert (models.held(BC, "phone"), models.held(BC, "terms")) == ({"a": None}, {"a": "T"})
    models.sync()


def test_what_was_left_alone_is_let_go_only_while_it_takes_part(models: Models) -> None:
    models.customers(1)
    models.sync()
    left = models.ref(ERP, "c0")
    back(models, creation(models, BC, "c0"))
    models.sync()
    models.agree("customers", {ERP: {"where": {"search": ("yes",)}}})
    with pytest.raises(CannotUndo, match=f"{left} takes no part any more."):
        models.run(restoring.restore(models.setup, deletion(models, BC)))
    assert models.link(left).state is LinkState.RESTING
