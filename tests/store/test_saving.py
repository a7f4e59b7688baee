"""A memory is remembered whole or not at all, whatever ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from syncline.records import Answer, Create, Line, LineShadow, Link, LinkState, Record, Ref, Shadow, Update
from syncline.store import Added, Arrival, Entry, Hold, Intent, Memory, Parked, Store, Wish

NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
ANNA, BERTA = Ref("customers", "erp", "anna"), Ref("customers", "bc", "berta")
LINK = Link(id="L1", flow="customers", members={"bc": "berta", "erp": "anna"})
SHADOW = Shadow(
    version='W/"1"',
    modified=NOON,
    values={"name": "Anna", "limit": Decimal("10.50"), "blocked": False, "email": None},
    lines=(LineShadow(line="erp:1", id="1", values={"quantity": Decimal("2")}, behind=frozenset({"quantity"})),),
    behind=frozenset({"email", "limit"}),
)
RECORD = Record(id="anna", version='W/"1"', modified=NOON, fields={"name": "Anna", "address": {"street": "A 1"}})
INTENT = Intent(
    id="i1",
    flow="customers",
    link="L1",
    side="bc",
    record=None,
    write=Create(key="i1", fields={"displayName": "Anna", "creditLimit": Decimal("10.50")}, lines=({"x": 1},)),
    values={"name": "Anna"},
    added=(
        Added(
            line="erp:1", origins={"erp": Line(id="1", version='W/"1"', values={"quantity": Decimal(2), "text": "2"})}
        ),
    ),
    opened=NOON,
)
ENTRY = Entry(
    at=NOON,
    flow="customers",
    link="L1",
    ref=BERTA,
    action="updated",
    property="limit",
    old=None,
    new=Decimal("10.50"),
    origin="erp",
    note="edited",
    whole=SHADOW,
)
PARKED = Parked(
    ref=BERTA,
    cause="conflict",
    message="Both sides changed the name.",
    mend="Choose one.",
    since=NOON,
    waits=(Ref("contacts", "bc", "1"), Ref("products", "bc", "2")),
    details={"property": "name", "values": {"erp": "A", "bc": None}, "limit": Decimal("1.0")},
)
OTHER = Ref("customers", "bc", "another")
ANSWER = Answer(
    link="L1", property="limit", value=Decimal("9.0"), seen={"erp": Decimal("9.0"), "bc": None}, note="chosen", at=NOON
)
HOLD = Hold(flow="customers", side="bc", property="limit", changed=30, blanked=29, linked=40, since=NOON)
WISH = Wish(kind="delete", flow="customers", members={"bc": "berta", "erp": "anna"}, side="bc", seen=7, at=NOON)
EVERYTHING = Memory(
    cursors={("customers", "erp"): "c1", ("customers", "bc"): "c2"},
    listed={("customers", "erp")},
    arrivals=[Arrival(ref=ANNA, record=RECORD, seen=NOON, due=NOON)],
    links=[LINK],
    shadows={("L1", "erp"): SHADOW, ("L1", "bc"): replace(SHADOW, version=None, lines=())},
    keys={ANNA: {"number": "A1", "limit": Decimal("10.50"), "email": None}},
    parked=[PARKED],
    opened=[INTENT],
    journal=[ENTRY],
    facts={"erp": "company 1"},
    apart=[frozenset({ANNA, OTHER})],
    answers=[ANSWER, replace(ANSWER, line="erp:1", property="quantity", value=None)],
    wishes=[WISH],
    holds=[HOLD],
)


def told(store: Store) -> dict[str, Any]:
    """Everything the store remembers of this file's records."""
    return {
        "cursors": [store.cursor("customers", side) for side in ("erp", "bc")],
        "listed": [store.listed("customers", side) for side in ("erp", "bc")],
        "arrivals": store.arrivals([ANNA, BERTA]),
        "links": store.links(["L1"]),
        "shadows": store.shadows(["L1"]),
        "keys": store.by_key("customers", "erp", "number", ["A1"]),
        "parked": store.parked(),
        "intents": store.open_intents(),
        "history": store.history("L1"),
        "fact": store.fact("erp"),
        "apart": store.apart([ANNA]),
        "answers": store.answers(["L1"]),
        "answered": store.answered_links(),
        "wishes": store.wishes(),
        "holds": store.holds(),
    }


def test_everything_comes_back_as_it_was_saved(store: Store) -> None:
    store.save(EVERYTHING)
    assert told(store) == {
        "cursors": ["c1", "c2"],
        "listed": [True, False],
        "arrivals": {ANNA: replace(EVERYTHING.arrivals[0], link="L1")},
        "links": {"L1": LINK},
        "shadows": EVERYTHING.shadows,
        "keys": {"A1": (ANNA,)},
        "parked": (replace(PARKED, link="L1"),),
        "intents": (INTENT,),
        "history": (replace(ENTRY, seq=1),),
        "fact": "company 1",
        "apart": {frozenset({ANNA, OTHER})},
        "answers": tuple(EVERYTHING.answers),
        "answered": {"L1": "customers"},
        "wishes": (replace(WISH, seq=1),),
        "holds": (HOLD,),
    }


def test_what_people_said_is_found_from_either_record_and_forgotten_when_told(store: Store) -> None:
    store.save(EVERYTHING)
    assert store.apart([OTHER]) == {frozenset({ANNA, OTHER})}
    store.save(
        Memory(
            together=[frozenset({OTHER, ANNA})],
            answered=[ANSWER],
            fulfilled=[1],
            lifted=[("customers", "bc", "header", "limit")],
        )
    )
    assert store.apart([ANNA, OTHER]) == set()
    assert [answer.line for answer in store.answers(["L1"])] == ["erp:1"]
    assert store.holds() == ()
    assert store.wishes() == ()
    store.save(Memory(unlinks=["L1"]))
    assert store.answered_links() == {}
    with pytest.raises(ValueError, match="of two flows"):
        store.save(Memory(apart=[frozenset({ANNA, Ref("orders", "bc", "1")})]))


def test_what_a_person_says_while_an_earlier_answer_is_acted_upon_stays(store: Store) -> None:
    store.save(EVERYTHING)
    later = replace(ANSWER, value=Decimal("8.0"), at=NOON + timedelta(microseconds=1))
    store.save(Memory(answers=[later]))
    store.save(Memory(answered=[ANSWER]))
    assert store.answers(["L1"])[0] == later


def test_an_empty_memory_changes_nothing(store: Store) -> None:
    store.save(EVERYTHING)
    before = told(store)
    store.save(Memory())
    assert told(store) == before


def test_a_memory_that_fails_at_its_end_leaves_nothing(store: Store) -> None:
    unsayable: Any = object()
    with pytest.raises(TypeError, match="cannot be kept as JSON"):
        store.save(replace(EVERYTHING, journal=[ENTRY, replace(ENTRY, new=unsayable)]))
    assert told(store)["links"] == {}
    assert told(store)["intents"] == ()
    store.save(EVERYTHING)
    assert told(store)["fact"] == "company 1"


@pytest.mark.parametrize("table", ["members", "arrivals", "parked", "intents", "journal", "facts"])
def test_a_process_killed_within_a_save_leaves_what_was_before(store: Store, url: str, table: str) -> None:
    store.save(Memory(facts={"erp": "before"}))
    before = told(store)
    code = f"""
import os, signal, sys
from sqlalchemy import event
sys.path.insert(0, {__file__.rpartition("/")[0]!r})
from test_saving import EVERYTHING
from syncline.store import Store
store = Store.open(sys.argv[1])

@event.listens_for(store._database.engine, "after_cursor_execute")
def die(connection, cursor, statement, *rest):
    if statement.startswith("INSERT INTO {table} "):
        os.kill(os.getpid(), signal.SIGKILL)

store.save(EVERYTHING)
"""
    died = subprocess.run([sys.executable, "-c", code, url], check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert told(store) == before


def test_a_link_is_changed_with_its_members(store: Store) -> None:
    store.save(EVERYTHING)
    moved = Link(id="L1", flow="customers", members={"erp": "anna", "bc": "bo"}, state=LinkState.RESTING)
    store.save(Memory(links=[moved]))
    assert store.links(["L1"]) == {"L1": moved}
    assert store.links_of([ANNA, BERTA, Ref("customers", "bc", "bo")]) == {
        ANNA: "L1",
        Ref("customers", "bc", "bo"): "L1",
    }
    assert set(store.shadows(["L1"])) == {("L1", "erp"), ("L1", "bc")}


def test_an_unlinked_link_leaves_no_shadow_and_its_records_can_be_linked_anew_at_once(store: Store) -> None:
    store.save(EVERYTHING)
    anew = Link(id="L2", flow="customers", members={"erp": "anna"})
    store.save(Memory(unlinks=["L1"], links=[anew]))
    assert store.links(["L1", "L2"]) == {"L2": anew}
    assert store.shadows(["L1", "L2"]) == {}
    assert store.links_of([ANNA, BERTA]) == {ANNA: "L2"}
    assert store.by_key("customers", "erp", "number", ["A1"]) == {"A1": (ANNA,)}
    assert store.history("L1") == (replace(ENTRY, seq=1),)


def test_a_record_is_never_in_two_links(store: Store) -> None:
    store.save(EVERYTHING)
    with pytest.raises(IntegrityError):
        store.save(Memory(links=[Link(id="L2", flow="customers", members={"erp": "anna"})]))
    assert store.links_of([ANNA]) == {ANNA: "L1"}


def test_a_shadow_needs_its_link(store: Store) -> None:
    with pytest.raises(IntegrityError):
        store.save(Memory(shadows={("L9", "erp"): SHADOW}))


def test_keys_are_replaced_whole_and_empty_ones_are_not_kept(store: Store) -> None:
    store.save(EVERYTHING)
    assert store.keys_of(["L1"], ["number", "limit", "email"]) == {
        ("L1", "erp", "number"): "A1",
        ("L1", "erp", "limit"): Decimal("10.5"),
    }
    store.save(Memory(keys={ANNA: {"number": "A2"}}))
    assert store.keys_of(["L1"], ["number", "limit"]) == {("L1", "erp", "number"): "A2"}
    store.save(Memory(keys={ANNA: {}}))
    assert store.keys_of(["L1"], ["number", "limit"]) == {}


def test_a_cursor_can_be_lost_without_the_listing_being_forgotten(store: Store) -> None:
    store.save(EVERYTHING)
    store.save(Memory(cursors={("customers", "erp"): None}))
    assert store.cursor("customers", "erp") is None
    assert store.listed("customers", "erp")
    store.save(Memory(listed={("customers", "bc")}))
    assert store.cursor("customers", "bc") == "c2"


def test_intents_stay_until_they_are_closed(store: Store) -> None:
    later = replace(
        INTENT,
        id="i0",
        record="berta",
        write=Update(id="berta", version="1", fields={"n": Decimal("3")}),
        opened=NOON + timedelta(microseconds=1),
    )
    store.save(Memory(opened=[later, INTENT]))
    assert store.open_intents() == (INTENT, later)
    store.save(Memory(closed=["i1"]))
    assert store.open_intents() == (later,)


def test_parking_again_replaces_and_releasing_forgets(store: Store) -> None:
    store.save(EVERYTHING)
    other = Parked(ref=BERTA, cause="refused", message="Too long.", since=NOON, waits=(ANNA, ANNA))
    store.save(Memory(parked=[other]))
    assert store.parked_refs([ANNA, BERTA]) == {BERTA: replace(other, link="L1", waits=(ANNA,))}
    store.save(Memory(released=[BERTA]))
    assert store.parked() == ()


def test_times_without_a_zone_are_refused(store: Store) -> None:
    with pytest.raises(TypeError, match="offset-naive"):
        store.save(Memory(arrivals=[Arrival(ref=ANNA, record=None, seen=NOON.replace(tzinfo=None), due=None)]))
