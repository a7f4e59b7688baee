"""What the console asks: found by words, counted without counting, journal entries newest first, who is signed in."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from syncline.records import Link, LinkState, Ref, Shadow, Value
from syncline.store import Arrival, Delay, Delayed, Entry, Memory, Overdue, Parked, Session, Sought, Store, User
from syncline.store.memory import Action, Cause

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
UUID = "5d0a2c1e-3f4b-4c6d-8e9f-0a1b2c3d4e5f"


def link(number: int, flow: str = "customers", state: LinkState = LinkState.ACTIVE) -> Link:
    members = {"erp": f"{flow}-a{number}", "bc": f"{flow}-b{number}"}
    return Link(id=f"{flow}-{number:03}", flow=flow, members=members, state=state)


def known(at: int, flow: str = "customers", /, **values: Value) -> Memory:
    made = link(at, flow)
    return Memory(
        links=[made],
        shadows={(made.id, side): Shadow(version=None, values=values) for side in made.members},
        listed=[(flow, side) for side in made.members],
    )


def found(store: Store, text: str, flow: str | None = None, limit: int = 50) -> list[str]:
    return [pair.link.id for pair in store.search(text, flow, limit)]


def test_links_are_found_by_words_whatever_their_case_accents_and_order(store: Store) -> None:
    store.save(known(1, name="Berglunds snabbköp", number="C-1001", email="Post@Berglund.se", phone="+46921123465"))
    store.save(known(2, name="Berglund & Söner", customer=UUID, creditLimit=1500, taxable=True))
    store.save(known(3, "orders", orderNo="SO-1001"))
    assert found(store, "SNABBKOP") == found(store, "snabbköp berglunds") == ["customers-001"]
    assert found(store, "post@berglund.se") == found(store, "c-1001") == ["customers-001"]
    assert found(store, "+46 921 12 34 65") == ["customers-001"]
    assert found(store, "bergl") == ["customers-001", "customers-002"]
    assert found(store, "berglund") == ["customers-001", "customers-002"]
    assert found(store, "1001") == ["customers-001", "orders-003"]
    assert found(store, "1001", "orders") == ["orders-003"]
    assert found(store, "customers-b2") == ["customers-002"]
    for nothing in ("", "  ", "snabbköp nobody", UUID, "_customers", "1500", "true", '"', "a* OR b"):
        assert found(store, nothing) == []


def test_the_words_follow_what_is_known_and_go_with_their_link(store: Store) -> None:
    store.save(known(1, name="Alder"))
    store.save(Memory(shadows={("customers-001", "erp"): Shadow(version=None, values={"name": "Birch"})}))
    assert found(store, "birch") == found(store, "alder") == ["customers-001"]
    store.save(Memory(shadows={("customers-001", "bc"): Shadow(version=None, values={"name": "Birch"})}))
    assert found(store, "alder") == []
    store.save(Memory(unlinks=["customers-001"]))
    assert found(store, "birch") == []


def test_a_search_ends_at_its_limit_with_whole_words_first(store: Store) -> None:
    for number in range(30):
        store.save(known(number, name=f"Customer{number}"))
    store.save(known(77, name="Customer"))
    assert found(store, "customer", limit=1) == ["customers-077"]
    assert len(found(store, "customer", limit=7)) == 7


def test_links_are_counted_as_they_come_change_and_go(store: Store) -> None:
    store.save(Memory(links=[link(1), link(2), link(3, state=LinkState.RESTING)]))
    store.save(Memory(links=[link(2, state=LinkState.COMPLETED), link(1)]))
    standing = store.standing("customers", NOON)
    assert (standing.linked, standing.resting, standing.completed) == (3, 1, 1)
    store.save(Memory(unlinks=["customers-002", "customers-001"]))
    standing = store.standing("customers", NOON)
    assert (standing.linked, standing.resting, standing.completed) == (1, 1, 0)
    assert store.counts()["customers"].linked == 1


def test_delays_of_an_hour_are_added_up(store: Store) -> None:
    second = timedelta(seconds=1)
    for took in (2 * second, 9 * second, second):
        store.save(Memory(delays=[Delay(flow="customers", hour=NOON, writes=1, total=took, longest=took)]))
    assert store.delays(NOON) == (Delay(flow="customers", hour=NOON, writes=3, total=12 * second, longest=9 * second),)
    assert store.delays(NOON + second) == ()


def test_delays_of_all_hours_are_added_up_by_flow(store: Store) -> None:
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    for at in (NOON, NOON + hour, NOON + 9 * hour):
        store.save(Memory(delays=[Delay(flow="customers", hour=at, writes=2, total=3 * second, longest=second)]))
    assert store.delayed() == {"customers": Delayed(writes=6, total=9 * second)}


def test_what_is_overdue_is_counted_by_side_up_to_a_number(store: Store) -> None:
    minute = timedelta(minutes=1)

    def due(side: str, number: int, at: datetime | None) -> Arrival:
        return Arrival(ref=Ref("customers", side, f"{number}"), record=None, seen=NOON, due=at)

    store.save(Memory(arrivals=[due("erp", n, NOON + n * minute) for n in range(5)]))
    store.save(Memory(arrivals=[due("bc", 1, NOON - minute), due("bc", 2, NOON + 60 * minute), due("bc", 3, None)]))
    assert store.overdue("customers", NOON + 3 * minute) == {
        "erp": Overdue(records=4, since=NOON),
        "bc": Overdue(records=1, since=NOON - minute),
    }
    assert store.overdue("customers", NOON + 3 * minute, most=2)["erp"] == Overdue(records=1, since=NOON)
    assert store.overdue("orders", NOON + 3 * minute) == {}


def entry(minute: int, action: Action = "updated", flow: str = "customers", number: int = 1) -> Entry:
    made = link(number, flow)
    at = NOON + timedelta(minutes=minute)
    return Entry(at=at, flow=flow, link=made.id, ref=Ref(flow, "erp", made.members["erp"]), action=action)


def seqs(store: Store, asked: Sought, limit: int = 50) -> list[int]:
    return [e.seq for e in store.sought(asked, limit).entries]


def test_the_journal_is_sought_newest_first_page_by_page(store: Store) -> None:
    told = [entry(0), entry(1, "created"), entry(2, flow="orders"), entry(3, number=2), entry(4)]
    sides = [(flow, side) for flow in ("customers", "orders") for side in ("erp", "bc")]
    store.save(Memory(journal=told, listed=sides))
    assert store.newest() == 5
    assert seqs(store, Sought()) == [5, 4, 3, 2, 1]
    first = store.sought(Sought(), 2)
    assert ([e.seq for e in first.entries], first.older) == ([5, 4], 4)
    assert seqs(store, Sought(before=4), 2) == [3, 2]
    assert store.sought(Sought(before=2), 2).older is None
    assert seqs(store, Sought(flow="orders")) == [3]
    assert seqs(store, Sought(action="created", side="erp")) == [2]
    assert seqs(store, Sought(side="bc")) == []
    assert seqs(store, Sought(links=("customers-001",))) == [5, 2, 1]
    of_link = store.sought(Sought(links=("customers-001",)), 2)
    assert ([e.seq for e in of_link.entries], of_link.older) == ([5, 2], 2)
    assert seqs(store, Sought(since=NOON + timedelta(minutes=2), until=NOON + timedelta(minutes=3))) == [4, 3]
    assert seqs(store, Sought(until=NOON)) == [1]
    assert seqs(store, Sought(since=NOON + timedelta(hours=1))) == []


def test_what_is_parked_is_told_page_by_page(store: Store) -> None:
    def parked(id_: str, cause: Cause, minute: int) -> Parked:
        since = NOON + timedelta(minutes=minute)
        return Parked(ref=Ref("customers", "erp", id_), cause=cause, message="no", since=since)

    store.save(Memory(parked=[parked("1", "refused", 2), parked("2", "refused", 1), parked("3", "waiting", 0)]))
    assert store.causes() == {("refused", "customers"): 2, ("waiting", "customers"): 1}
    (first,) = store.parked_page(["refused"], limit=1)
    assert first.ref.id == "2"
    assert [p.ref.id for p in store.parked_page(["refused"], None, (first.cause, first.since, first.ref))] == ["1"]
    assert [p.ref.id for p in store.parked_page(["refused", "waiting"], "customers")] == ["2", "1", "3"]
    assert store.parked_page(["refused"], "orders") == ()


def test_users_and_their_sessions(store: Store) -> None:
    anna = User(name="anna", role="resolve", password="$argon2id$", since=NOON)
    store.add_user(anna)
    with pytest.raises(IntegrityError):
        store.add_user(anna)
    assert store.users() == (anna,)
    assert (store.user("anna"), store.user("bert")) == (anna, None)
    hour = timedelta(hours=1)
    for token, ends in (("one", NOON + hour), ("two", NOON + 2 * hour)):
        store.begin_session(Session(token=token, user="anna", role="resolve", expires=ends), NOON)
    assert store.session("one", NOON) == Session(token="one", user="anna", role="resolve", expires=NOON + hour)
    assert store.session("one", NOON + hour) is None
    store.end_session("one")
    assert store.session("one", NOON) is None
    assert store.remove_user("anna")
    assert not store.remove_user("anna")
    assert store.session("two", NOON) is None


def test_who_works_on_the_store_is_told_without_asking_for_its_lock(store: Store) -> None:
    assert store.worker() is None
    with store.lock("syncline run"):
        assert store.worker() == (os.getpid(), "syncline run")
    assert store.worker() is None


def test_a_worker_that_died_without_a_word_is_none(file_url: str) -> None:
    with Store.open(file_url) as store:
        Path(file_url.removeprefix("sqlite:///") + ".lock").write_text("999999999 syncline sync\n")
        assert store.worker() is None
