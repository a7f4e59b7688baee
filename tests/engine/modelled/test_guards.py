"""From how many records on a guard stops, and for how long it does: between model systems, where many cost little."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC
from simulation.script import Fault
from syncline.engine.guards import breaker
from syncline.engine.guards.restored import NoSuchSide, WentBack, doubtful, wanted
from syncline.engine.guards.scan import TooManyDeleted, allow
from syncline.engine.people.answering import Word, answer
from syncline.engine.plan import plan
from syncline.mapping.model import Deletion
from syncline.records import LineChange, Ref, Row
from syncline.store import Arrival, Cause, Hold, Memory, Parked


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    with between_models(tmp_path) as found:
        yield found


def traces(*numbers: int) -> list[str]:
    return [f"c{n}" for n in range(*numbers)]


# --- one property of many records


@pytest.mark.parametrize(
    ("linked", "emptied", "is_held"),
    [(25, 25, False), (26, 26, True), (130, 26, False), (130, 27, True)],
)
def test_what_is_emptied_is_held_from_so_many_on(models: Models, linked: int, emptied: int, is_held: bool) -> None:
    models.customers(linked)
    models.sync()
    for trace in traces(emptied):
        models.change("erp", trace, terms=None)
    told = f"terms of customers in erp: {emptied} emptied at once, of {linked}"
    assert models.sync().held == ([told] if is_held else [])
    assert list(models.held(BC, "terms").values()).count(None) == (0 if is_held else emptied)


def test_what_is_held_is_told_once_and_all_else_goes_on(models: Models) -> None:
    models.customers(60)
    models.sync()
    for n, trace in enumerate(traces(60)):
        models.change("erp", trace, terms="same", phone=None if n < 40 else f"q{n}", search=f"s{n}")
    models.change(BC, "c1", terms="BCs")
    for _ in range(2):
        result = models.sync()
        assert sorted(result.held) == [
            "phone of customers in erp: 40 emptied at once, of 60",
            "terms of customers in erp: 60 changed alike at once, of 60",
        ]
    holds = {hold.property: hold for hold in models.store.holds()}
    assert (holds["phone"].changed, holds["phone"].blanked, holds["phone"].linked) == (60, 40, 60)
    assert (holds["terms"].changed, holds["terms"].blanked, holds["terms"].state) == (60, 0, "held")
    told = [(e.flow, e.link, e.ref, e.property, e.note) for e in models.journal if e.action == "held"]
    assert sorted(note for *_, note in told) == sorted(result.held)
    assert ("customers", None, None, "terms", "terms of customers in erp: 60 changed alike at once, of 60") in told
    assert {e.at for e in models.journal if e.action == "held"} == {hold.since for hold in holds.values()}
    assert models.held(BC, "search") == {f"c{n}": f"s{n}" for n in range(60)}
    assert models.held(BC, "phone") == {f"c{n}": f"p{n}" for n in range(60)}
    assert models.held(BC, "terms") == {f"c{n}": f"t{n}" for n in range(60)} | {"c1": "BCs"}
    assert set(models.held("erp", "terms").values()) == {"same", "BCs"}, "what the other side says still arrives"


@pytest.mark.parametrize("state", ["passed", "rejected"])
def test_what_a_person_says_is_done_to_that_side_and_property_alone(
    tmp_path: Path, state: Literal["passed", "rejected"]
) -> None:
    """Of a system that tells a change once, too: it is listed whole again."""
    with between_models(tmp_path, feed=True) as models:
        models.customers(30)
        models.sync()
        for trace in traces(30):
            models.change("erp", trace, terms=None)
            models.change(BC, trace, search=None)
        models.sync()
        kept = {hold.side: hold for hold in models.store.holds()}
        assert {side: hold.property for side, hold in kept.items()} == {"erp": "terms", BC: "search"}
        models.wait(minutes=1)
        now = models.setup.now()
        breaker.decide(models.store, [kept["erp"]], state, now)
        assert {hold.side: hold.state for hold in models.store.holds()} == {"erp": state, BC: "held"}
        (entry,) = [e for e in models.journal if e.at == now]
        assert entry.note == f"{state} by a person: terms of customers in erp: 30 emptied at once, of 30"
        assert models.sync().held == [f"search of customers in {BC}: 30 emptied at once, of 30"]
        assert [hold.side for hold in models.store.holds()] == [BC], "what was said is done, and forgotten"
        expected = {f"c{n}": None if state == "passed" else f"t{n}" for n in range(30)}
        assert models.held("erp", "terms") == models.held(BC, "terms") == expected


@pytest.mark.parametrize("state", ["passed", "rejected"])
def test_what_a_person_says_is_done_to_a_record_too_that_waits_for_something_else(
    models: Models, state: Literal["passed", "rejected"]
) -> None:
    models.customers(30, note="old")
    models.sync()
    for trace in traces(30):
        models.change("erp", trace, terms=None)
    models.change("erp", "c0", note="left")
    models.change(BC, "c0", note="right")
    models.sync()
    assert [parked.cause for parked in models.store.parked()] == ["conflict"]
    models.wait(minutes=1)
    breaker.decide(models.store, models.store.holds(), state, models.setup.now())
    models.sync()
    expected = {f"c{n}": None if state == "passed" else f"t{n}" for n in range(30)}
    assert models.held("erp", "terms") == models.held(BC, "terms") == expected
    assert [parked.cause for parked in models.store.parked()] == ["conflict"]


@pytest.mark.parametrize(("cause", "is_tried"), [("refused", True), ("unknown", False)])
def test_what_may_have_been_created_already_is_not_tried_for_what_a_person_says_of_a_hold(
    models: Models, cause: Cause, is_tried: bool
) -> None:
    models.customers(1)
    models.sync()
    ref, now = models.ref("erp", "c0"), models.setup.now()
    kept = Arrival(ref=ref, record=models.system("erp").now("customers", ref.id), seen=now, due=None)
    parked = Parked(ref=ref, cause=cause, message="", mend="", since=now)
    models.store.save(Memory(arrivals=[kept], parked=[parked]))
    hold = Hold(flow="customers", side=BC, property="terms", changed=30, blanked=30, linked=30, since=now)
    breaker.decide(models.store, [hold], "passed", now)
    found = models.arrival(ref)
    assert found is not None
    assert (found.due is not None) == is_tried


def test_the_side_that_is_looked_at_last_is_held_too(models: Models) -> None:
    models.customers(30)
    models.sync()
    for trace in traces(30):
        models.change(BC, trace, search=None)
    assert models.sync().held == ["search of customers in bc: 30 emptied at once, of 30"]
    assert None not in models.held("erp", "search").values()


def test_only_what_is_held_of_this_flow_and_side_is_not_told(models: Models) -> None:
    def hold(flow: str, side: str, name: str) -> Hold:
        now = models.setup.now()
        return Hold(flow=flow, side=side, property=name, changed=30, blanked=30, linked=30, since=now)

    holds = [hold("orders", BC, "phone"), hold("customers", "erp", "terms"), hold("customers", BC, "search")]
    told = Row(values={"phone": None, "terms": None, "search": None})
    rows, shadows = breaker.to_merge(holds, models.setup.flows["customers"], {BC: told}, {})
    assert (rows, shadows) == ({BC: Row(values={"phone": None, "terms": None})}, {})


@pytest.mark.parametrize(
    ("blanked", "told"), [(25, "60 changed alike"), (30, "60 changed alike"), (31, "31 emptied"), (60, "60 emptied")]
)
def test_a_hold_tells_what_happened_to_most(blanked: int, told: str) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    hold = Hold(flow="f", side="s", property="p", changed=60, blanked=blanked, linked=99, since=since)
    assert breaker.words(hold) == f"p of f in s: {told} at once, of 99"


def orders(models: Models) -> None:
    """Thirty orders with two lines each."""
    models.customers(1)
    models.sync()
    buyer = models.ref("erp", "c0").id
    for n in range(30):
        lines = [{"trace": f"o{n} {x}", "text": f"{x}{n}", "quantity": Decimal(5)} for x in "ab"]
        told = {"trace": f"o{n}", "number": f"O{n}", "customer": buyer, "text": "t"}
        models.system("erp").create("orders", told, lines)
    models.sync()


def lines(models: Models, side: str, name: str) -> dict[str, Any]:
    """What the first line of every order says."""
    return {str(f["trace"]): told[0][name] or None for _, f, told in models.system(side).records("orders")}


@pytest.mark.parametrize("state", ["held", "passed", "rejected"])
def test_a_property_of_lines_is_held_there(models: Models, state: Literal["held", "passed", "rejected"]) -> None:
    orders(models)
    erp = models.system("erp")
    for id_, _, told in list(erp.records("orders")):
        fields = {"text": None, "quantity": Decimal(int(id_[5:]))}
        erp.update("orders", id_, {"text": f"new {id_}"}, [LineChange(id=told[0]["id"], version=None, fields=fields)])
    assert models.sync().held == ["text of orders in erp: 30 emptied at once, of 30"]
    assert [(hold.within, hold.property) for hold in models.store.holds()] == [("lines", "text")]
    before = {f"o{n}": f"a{n}" for n in range(30)}
    assert lines(models, BC, "text") == before
    assert lines(models, BC, "quantity") == lines(models, "erp", "quantity"), "all else of the line goes on"
    assert {str(f["text"])[:4] for _, f, _ in models.system(BC).records("orders")} == {"new "}
    if state != "held":
        breaker.decide(models.store, models.store.holds(), state, models.setup.now())
    models.sync()
    emptied = dict.fromkeys(before)
    assert lines(models, BC, "text") == (emptied if state == "passed" else before)
    assert lines(models, "erp", "text") == (before if state == "rejected" else emptied)


def test_what_was_said_is_not_over_while_something_is_due(models: Models) -> None:
    models.customers(30)
    models.sync()
    for trace in traces(30):
        models.change("erp", trace, terms=None)
    models.sync()
    breaker.decide(models.store, models.store.holds(), "passed", models.setup.now())
    later = models.setup.now() + timedelta(hours=1)
    ref = Ref("orders", "erp", "elsewhere")
    models.store.save(Memory(arrivals=[Arrival(ref=ref, record=None, seen=later, due=later)]))
    models.sync()
    assert [hold.state for hold in models.store.holds()] == ["passed"]


# --- deletions


def test_a_deletion_that_is_not_told_is_found_every_hour(models: Models) -> None:
    models.customers(3)
    models.sync()
    models.delete("erp", "c0")
    models.wait(minutes=59)
    models.sync()
    assert "c0" in models.held(BC, "name")
    models.wait(minutes=1)
    models.sync()
    assert sorted(models.held(BC, "name")) == ["c1", "c2"]
    models.delete("erp", "c1")
    models.wait(minutes=59)
    models.sync()
    assert "c1" in models.held(BC, "name"), "the hour begins with the last scan"
    models.sync(scanning=True)
    assert sorted(models.held(BC, "name")) == ["c2"]


def test_a_system_that_tells_its_deletions_is_not_scanned(tmp_path: Path) -> None:
    with between_models(tmp_path, feed=True) as models:
        models.customers(2)
        models.sync()
        models.delete("erp", "c0")
        models.system("erp").log["customers"].pop()  # which it forgot to tell
        models.wait(hours=3)
        models.sync(scanning=True)
        assert "c0" in models.held(BC, "name")


def test_once_it_has_forgotten_the_cursor_it_is_scanned_all_the_same(tmp_path: Path) -> None:
    with between_models(tmp_path, {"2 erp list customers 1": [Fault(name="forgotten")]}, feed=True) as models:
        models.customers(2)
        models.sync()
        models.delete("erp", "c0")
        models.system("erp").log["customers"].pop()
        models.sync()
        assert list(models.held(BC, "name")) == ["c1"]


def lose(models: Models, *numbers: int) -> None:
    """These are deleted, and found to be, an hour later."""
    models.delete("erp", *traces(*numbers))
    models.wait(hours=1)


@pytest.mark.parametrize(
    ("linked", "lost", "stops"), [(12, 10, False), (12, 11, True), (55, 11, False), (54, 11, True)]
)
def test_everything_stops_from_so_many_deletions_on(models: Models, linked: int, lost: int, stops: bool) -> None:
    models.customers(linked)
    models.sync()
    lose(models, lost)
    if stops:
        with pytest.raises(TooManyDeleted) as raised:
            models.sync()
        assert raised.value.message == f"erp no longer has {lost} of {linked} linked customers. Nothing was done."
        assert raised.value.mend == "If they were deleted on purpose: syncline sync --allow-deletions."
    else:
        models.sync()
    assert len(models.held(BC, "name")) == linked - (0 if stops else lost)


def test_deletions_are_counted_together_for_a_day(models: Models) -> None:
    models.customers(30)
    models.sync()
    lose(models, 6)
    models.sync()
    lose(models, 6, 12)
    message = "erp no longer has 12 of 30 linked customers, 6 of them in the last day. Nothing was done."
    with pytest.raises(TooManyDeleted) as raised:
        models.sync()
    assert raised.value.message == message
    models.wait(hours=23, minutes=1)
    models.sync()
    assert len(models.held(BC, "name")) == 18


def test_those_that_wait_for_a_person_are_counted_as_well(models: Models) -> None:
    """Of whichever side."""
    customers = replace(models.setup.flows["customers"], delete=Deletion.ASK)
    models.setup = replace(models.setup, flows={**models.setup.flows, "customers": customers})
    models.customers(30)
    models.sync()
    models.delete(BC, *traces(6))
    models.sync(scanning=True)
    assert len(models.store.parked()) == 6
    models.delete(BC, *traces(6, 12))
    with pytest.raises(TooManyDeleted, match="bc no longer has 12 of 30 linked customers, 6 of them in the last day"):
        models.sync(scanning=True)


def test_what_was_deleted_on_purpose_counts_no_more(models: Models) -> None:
    models.customers(60)
    models.sync()
    lose(models, 30)
    models.sync(allow_deletions=True)
    assert len(models.held(BC, "name")) == 30
    lose(models, 30, 40)
    models.sync()
    assert len(models.held(BC, "name")) == 20
    lose(models, 40, 41)
    with pytest.raises(TooManyDeleted, match="11 of 30 linked customers, 10 of them in the last day"):
        models.sync()
    allow(models.setup)
    models.sync()
    assert len(models.held(BC, "name")) == 19


# --- a system that went back


def doubt(models: Models, side: str) -> None:
    models.store.save(Memory(facts=doubtful(models.setup.flows["customers"], side)))


def forget_an_edit(models: Models, side: str, customers: int) -> None:
    """The first of so many customers is edited and passed on; then a side is brought back to what it was before."""
    models.customers(customers)
    models.sync()
    models.wait(minutes=1)
    with models.backup(side):
        models.change("erp", "c0", phone="new")
        models.sync()
        models.wait(minutes=1)


def test_a_system_that_was_brought_back_is_noticed_by_what_was_worked_on_last(models: Models) -> None:
    models.customers(5)
    models.sync()
    models.wait(minutes=1)
    with models.backup("erp"):
        models.change("erp", "c0", phone="new")
        models.change("erp", "c1", phone="new")
        models.system("erp").create("customers", {"trace": "c9", "number": "N9", "name": "c9"}, ())
        models.sync()
        models.wait(minutes=1)
    assert models.sync().writes == 0, "nobody looks where there is no doubt"
    doubt(models, "erp")
    began = models.setup.now()
    with pytest.raises(WentBack) as raised:
        models.sync()
    assert raised.value.message == (
        "erp seems to have been brought back from a backup: of the 6 customers that were worked on last, "
        "2 are older there than they were and 1 are gone. Nothing was done."
    )
    assert raised.value.mend == (
        "syncline sync --repair erp puts back there what it has forgotten; "
        "syncline sync --follow erp takes what it says now for the truth."
    )
    assert timedelta(seconds=6) < models.setup.now() - began < timedelta(seconds=8), "a replica is given time"
    with pytest.raises(WentBack):
        models.sync()


def test_whichever_system_was_brought_back_is_noticed(models: Models) -> None:
    forget_an_edit(models, BC, 2)
    doubt(models, BC)
    with pytest.raises(WentBack, match="bc seems to have been brought back"):
        models.sync()


def test_a_replica_that_lags_for_a_moment_is_no_backup(tmp_path: Path) -> None:
    """It answers the first two looks as things stood a minute before; once there is no doubt, nobody looks."""
    stale = [Fault(name="stale", seconds=60)]
    places = (f"{number} erp get customers {n}" for number, last in ((3, 2), (4, 3)) for n in range(1, last + 1))
    with between_models(tmp_path, dict.fromkeys(places, stale)) as models:
        models.customers(2)
        models.sync()
        models.wait(minutes=2)
        models.change("erp", "c0", phone="new")
        models.sync()
        doubt(models, "erp")
        models.change("erp", "c1", phone="newer")
        models.sync()
        assert models.held(BC, "phone") == {"c0": "new", "c1": "newer"}
        models.sync()


def brought_back(models: Models) -> None:
    forget_an_edit(models, "erp", 3)
    doubt(models, "erp")


@pytest.mark.parametrize("how", ["repair", "follow"])
def test_a_person_says_what_is_the_truth(models: Models, how: Literal["repair", "follow"]) -> None:
    brought_back(models)
    result = models.sync(restored={"erp": how})
    assert result.writes == 1
    told = {"c0": "new" if how == "repair" else "p0", "c1": "p1", "c2": "p2"}
    assert models.held("erp", "phone") == models.held(BC, "phone") == told
    assert wanted(models.setup) == {}, "it is done"
    (doubted,) = doubtful(models.setup.flows["customers"], "erp")
    assert not models.store.fact(doubted)
    assert models.sync().writes == 0


@pytest.mark.parametrize("how", ["repair", "follow"])
def test_what_a_person_says_of_a_backup_is_done_to_a_record_that_was_asked_about(
    models: Models, how: Literal["repair", "follow"]
) -> None:
    become_older(models)
    models.sync()
    assert [parked.cause for parked in models.store.parked()] == ["older"]
    assert models.sync(restored={BC: how}).writes == 1
    assert models.held("erp", "phone")["c0"] == models.held(BC, "phone")["c0"] == ("new" if how == "repair" else "p0")
    assert models.store.parked() == ()


def test_what_was_said_of_a_backup_holds_until_all_of_it_is_done(models: Models) -> None:
    brought_back(models)
    later = models.setup.now() + timedelta(hours=1)
    ref = Ref("orders", "erp", "elsewhere")
    models.store.save(Memory(arrivals=[Arrival(ref=ref, record=None, seen=later, due=later)]))
    models.sync(restored={"erp": "repair"})
    assert wanted(models.setup) == {"erp": "repair"}
    models.wait(hours=1)
    models.sync()
    assert wanted(models.setup) == {}


def test_what_is_gone_from_a_backup_is_made_again_however_much_it_is(models: Models) -> None:
    models.customers(1)
    models.sync()
    with models.backup("erp"):
        for n in range(20):
            models.system("erp").create("customers", {"trace": f"d{n}", "number": f"D{n}", "name": f"d{n}"}, ())
        models.sync()
        models.wait(minutes=1)
    models.sync(restored={"erp": "repair"})
    assert len(models.held("erp", "name")) == 21


def test_only_a_system_that_there_is_can_be_brought_back(models: Models) -> None:
    with pytest.raises(NoSuchSide) as raised:
        models.sync(restored={"crm": "repair"})
    assert (raised.value.message, raised.value.mend) == ("There is no system crm.", "There are erp, bc.")


# --- a record that is older than it was


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_an_older_record_is_looked_at_again_until_it_is_as_it_was(tmp_path: Path, looks: int) -> None:
    """It was edited twice; a listing, and so many looks, are answered by a replica that knows only the first edit."""
    events = {f"3 {BC} get customers {n + 1}": [Fault(name="stale", seconds=25)] for n in range(looks)}
    events[f"3 {BC} list customers 1"] = [Fault(name="stale", seconds=20)]
    with between_models(tmp_path, events) as models:
        models.customers(2)
        models.sync()
        models.wait(minutes=1)
        models.change(BC, "c0", phone="first")
        models.wait(seconds=25)
        models.change(BC, "c0", phone="second")
        models.sync()
        began = models.setup.now()
        assert models.sync().writes == 0
        assert models.setup.now() - began > looks * models.setup.settling
        assert not models.store.parked()
        assert models.held("erp", "phone") == models.held(BC, "phone") == {"c0": "second", "c1": "p1"}


def test_what_a_second_look_shows_is_an_edit_like_any_other(tmp_path: Path) -> None:
    """The listing still told the first of three edits, of which only the second had been seen."""
    stale = {f"3 {BC} list customers 1": [Fault(name="stale", seconds=20)]}
    with between_models(tmp_path, stale, feed=False) as models:
        models.customers(1)
        models.sync()
        models.wait(minutes=1)
        models.change(BC, "c0", phone="first")
        models.wait(seconds=19)
        models.change(BC, "c0", phone="second")
        models.sync()
        models.change(BC, "c0", phone="third")
        models.sync()
        assert models.held("erp", "phone") == {"c0": "third"}


def tell(models: Models, side: str, trace: str, **otherwise: Any) -> None:
    """A record arrives as it is there now."""
    ref, now = models.ref(side, trace), models.setup.now()
    record = models.system(side).now("customers", ref.id)
    assert record is not None
    models.store.save(Memory(arrivals=[Arrival(ref=ref, record=replace(record, **otherwise), seen=now, due=now)]))


def become_older(models: Models) -> None:
    """One record of a system stays as it was before the last edit, and is told."""
    forget_an_edit(models, BC, 2)
    tell(models, BC, "c0")


def test_a_record_that_stays_older_is_asked_about_with_all_that_arrived_of_it(models: Models) -> None:
    become_older(models)
    models.change("erp", "c0", search="edited meanwhile")
    models.change("erp", "c1", search="another")
    began = models.setup.now()
    assert models.sync().writes == 1
    assert timedelta(seconds=20) < models.setup.now() - began < timedelta(seconds=28), "it is looked at three times"
    (parked,) = models.store.parked()
    assert (parked.cause, parked.message) == ("older", "older in bc than it was there before")
    assert parked.mend == (
        "Put the newer values back there (syncline parked restore), or take it as it is (syncline parked accept)."
    )
    assert parked.ref.side == BC
    assert models.held(BC, "search") == {"c0": "C0", "c1": "another"}
    assert models.sync().writes == 0


def test_of_several_older_records_each_is_asked_about_that_stays_so(models: Models) -> None:
    models.customers(3)
    models.sync()
    models.wait(minutes=1)
    with models.backup(BC):
        for trace in traces(3):
            models.change("erp", trace, phone="new")
        models.sync()
        models.wait(minutes=1)
    for trace in traces(3):
        tell(models, BC, trace)
    models.change(BC, "c0", phone="newest")
    models.sync()
    assert {parked.ref for parked in models.store.parked()} == {models.ref(BC, "c1"), models.ref(BC, "c2")}
    assert models.held("erp", "phone") == {"c0": "newest", "c1": "new", "c2": "new"}


def test_a_plan_tells_what_will_be_asked(models: Models) -> None:
    become_older(models)
    (arrival,) = models.store.arrivals([models.ref(BC, "c0")]).values()
    models.store.save(Memory(arrivals=[replace(arrival, attempts=2)]))  # it was looked at again already
    told = [(row.step, row.name, row.message) for row in models.run(plan(models.setup)).rows]
    assert told == [("park", "c0", "older in bc than it was there before")]
    assert not models.store.parked()


@pytest.mark.parametrize("feed", [False, True])
@pytest.mark.parametrize("word", ["restore", "accept"])
def test_what_a_person_says_of_an_older_record_is_done(tmp_path: Path, word: Word, feed: bool) -> None:
    with between_models(tmp_path, feed=feed) as models:
        become_older(models)
        models.change("erp", "c0", search="edited meanwhile")
        models.sync()
        answer(models.store, models.store.parked(), word, models.setup.now())
        models.sync()
        phone = "new" if word == "restore" else "p0"
        assert models.held("erp", "phone") == models.held(BC, "phone") == {"c0": phone, "c1": "p1"}
        assert models.held(BC, "search")["c0"] == "edited meanwhile"
        assert not models.store.parked()
        assert models.sync().writes == 0


@pytest.mark.parametrize("word", ["restore", "accept"])
def test_what_was_said_of_an_older_record_is_not_done_to_what_came_later(models: Models, word: Word) -> None:
    become_older(models)
    models.sync()
    answer(models.store, models.store.parked(), word, models.setup.now())
    models.wait(seconds=1)
    tell(models, BC, "c0")
    models.sync()
    assert (models.held("erp", "phone")["c0"], models.held(BC, "phone")["c0"]) == ("new", "p0")
    assert [parked.cause for parked in models.store.parked()] == ["older"]


def test_an_older_record_that_says_what_is_known_is_no_news(models: Models) -> None:
    models.customers(2)
    models.sync()
    models.wait(minutes=1)
    models.change("erp", "c0", phone="new")
    tell(models, BC, "c0", modified=models.setup.now() - timedelta(hours=1))
    models.sync()
    assert not models.store.parked()
    assert models.held(BC, "phone")["c0"] == "new"
