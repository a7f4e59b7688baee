"""What the engine and people ask of links, keys, shadows and the journal."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from statements import heard
from syncline.records import LineShadow, Link, LinkState, Record, Ref, Shadow, Value
from syncline.store import Arrival, Counts, Entry, Memory, Parked, Store, StoreLost, aside
from syncline.store.memory import Action, Cause

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def ref(id_: str, side: str = "erp", flow: str = "customers") -> Ref:
    return Ref(flow, side, id_)


def link(id_: str, flow: str = "customers", state: LinkState = LinkState.ACTIVE) -> Link:
    return Link(id=id_, flow=flow, members={"bc": f"b-{id_}", "erp": f"a-{id_}"}, state=state)


def shadow(**values: Value) -> Shadow:
    return Shadow(version=None, values=values)


@contextmanager
def counted() -> Iterator[list[None]]:
    """The steps of SQLite's machine, which decides without knowing how much there is."""
    steps: list[None] = []

    def watch(_: Connection, cursor: Any, *__: object) -> None:
        cursor.connection.set_progress_handler(lambda: steps.append(None), 1)

    with heard(watch):
        yield steps


def test_matching_what_has_arrived_takes_no_more_steps_when_more_is_linked(file_url: str) -> None:
    def taken() -> int:
        steps.clear()
        assert [value for page in store.alike("customers", "number") for value, _ in page] == ["new"]
        contested = store.contested("customers", ("bc", "erp"), "number")
        assert [value for page in contested for value, _ in page] == ["new"]
        return len(steps)

    with Store.open(file_url) as store:
        new = [ref("new"), ref("new", "bc")]
        records = [Record(id="new", version="1", modified=NOON, fields={}) for _ in new]
        arrivals = [Arrival(ref=r, record=told, seen=NOON, due=NOON) for r, told in zip(new, records, strict=True)]
        store.save(Memory(arrivals=arrivals, keys={r: {"number": "new"} for r in new}))
        with counted() as steps:
            least = taken()
            linked = [link(f"{i:04}") for i in range(1_000)]
            store.save(Memory(links=linked, keys={r: {"number": each.id} for each in linked for r in each.refs}))
            assert 0 < taken() <= least * 1.5


def test_matching_takes_as_many_steps_for_each_record_however_many_have_arrived(file_url: str) -> None:
    """Two systems that both have everything already: all is matched, page by page."""
    taken: list[float] = []
    with Store.open(file_url) as store, counted() as steps:
        for more in (range(400), range(400, 1_600)):
            refs = [ref(f"{i:05}", side) for i in more for side in ("erp", "bc")]
            store.save(Memory(arrivals=arrivals(*refs), keys={r: {"number": r.id} for r in refs}))
            steps.clear()
            for found in (
                store.alike("customers", "number", limit=20),
                store.contested("customers", ("bc", "erp"), "number", limit=20),
            ):
                pages = list(found)
                assert {len(page) for page in pages} == {20}
                assert len(pages) * 20 == more.stop
            taken.append(len(steps) / more.stop)
    assert taken[1] <= taken[0] * 1.5


def test_a_long_answer_that_the_disk_does_not_take_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    refs = [ref(f"{i:05}", side) for i in range(50) for side in ("erp", "bc")]
    store.save(Memory(arrivals=arrivals(*refs), keys={r: {"number": r.id} for r in refs}))
    monkeypatch.setattr(aside, "_IN_MEMORY", 1_000)
    assert [len(page) for page in store.alike("customers", "number")] == [50]
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere at all")
    with pytest.raises(StoreLost, match=r"cannot be kept: .*nowhere at all.*What was saved stays\."):
        store.alike("customers", "number")


def test_many_are_asked_for_at_once(store: Store) -> None:
    ids = [f"{i:05}" for i in range(5_000)]
    store.save(
        Memory(
            links=[link(id_) for id_ in ids],
            shadows={(id_, side): shadow(n=id_) for id_ in ids for side in ("bc", "erp")},
            keys={ref(f"a-{id_}"): {"number": id_, "rank": int(id_)} for id_ in ids},
        )
    )
    asked = [*ids, "unknown", *ids[:10]]
    assert store.links(asked) == {id_: link(id_) for id_ in ids}
    assert len(store.members(asked)) == len(store.shadows(asked)) == 10_000
    assert store.members(asked)["04999", "bc"] == "b-04999"
    assert store.shadows(asked)["04999", "bc"] == shadow(n="04999")
    assert len(store.keys_of(asked, ["number", "rank"])) == 10_000
    assert store.links_of([ref(f"a-{id_}") for id_ in asked]) == {ref(f"a-{id_}"): id_ for id_ in ids}
    assert store.by_key("customers", "erp", "rank", range(5_000)) == {int(i): (ref(f"a-{i}"),) for i in ids}


def test_asking_for_nothing_is_answered_with_nothing(store: Store) -> None:
    asked = (store.links, store.members, store.shadows, store.links_of, store.arrivals, store.parked_refs)
    assert not any(ask([]) for ask in asked)
    assert not store.keys_of([], ["number"])
    assert not store.by_key("customers", "erp", "number", [None])


def test_records_are_found_by_key_linked_or_not(store: Store) -> None:
    store.save(
        Memory(
            links=[Link(id="L", flow="customers", members={"erp": "2"})],
            keys={
                ref("1"): {"email": "a@b.no", "limit": Decimal("1.50")},
                ref("2"): {"email": "a@b.no", "limit": 2},
                ref("3", "bc"): {"email": "a@b.no"},
                ref("4"): {"email": "x@y.no", "name": "a@b.no"},
                ref("5", flow="contacts"): {"email": "a@b.no"},
            },
        )
    )
    assert store.by_key("customers", "erp", "email", ["a@b.no", "no@one.no", None]) == {"a@b.no": (ref("1"), ref("2"))}
    assert store.by_key("customers", "erp", "limit", [Decimal("1.5"), Decimal("2.00"), "2"]) == {
        Decimal("1.5"): (ref("1"),),
        2: (ref("2"),),
    }


def arrivals(*refs: Ref, minute: int = 0) -> list[Arrival]:
    seen = NOON + timedelta(minutes=minute)
    return [
        Arrival(ref=r, record=Record(id=r.id, version=None, modified=None, fields={}), seen=seen, due=None)
        for r in refs
    ]


def test_arrivals_without_a_link_that_share_a_key_across_sides_are_found(store: Store) -> None:
    refs = [ref("1"), ref("2"), ref("3", "bc"), ref("4", "bc"), ref("5"), ref("6", "bc"), ref("7"), ref("8")]
    emails = ["a@b.no", "linked@b.no", "a@b.no", "linked@b.no", "c@d.no", "c@d.no", "one@side.no", "one@side.no"]
    gone = ref("9", "bc")
    store.save(
        Memory(
            arrivals=[*arrivals(*refs), Arrival(ref=gone, record=None, seen=NOON, due=NOON)],
            keys={r: {"email": email} for r, email in zip([*refs, gone], [*emails, "one@side.no"], strict=True)},
            links=[Link(id="L", flow="customers", members={"erp": "2", "bc": "4"})],
        )
    )
    first = ("a@b.no", (ref("3", "bc"), ref("1")))
    second = ("c@d.no", (ref("6", "bc"), ref("5")))
    assert list(store.alike("customers", "email")) == [(first, second)]
    assert list(store.alike("customers", "email", limit=1)) == [(first,), (second,)]
    assert list(store.alike("customers", "phone")) == []


def test_arrivals_that_share_a_key_with_another_or_with_a_linked_record_are_found(store: Store) -> None:
    linked, own, far, alone = ref("1"), ref("2"), ref("3", "bc"), ref("4")
    later, sooner = ref("5"), ref("6")
    store.save(
        Memory(
            arrivals=[*arrivals(own, far, alone), *arrivals(later, minute=2), *arrivals(sooner, minute=1)],
            keys={
                **{r: {"email": "a@b.no"} for r in (linked, own, far)},
                **{r: {"email": "two@b.no"} for r in (later, sooner)},
                alone: {"email": "alone@b.no"},
                ref("7", flow="contacts"): {"email": "alone@b.no"},
            },
            links=[Link(id="L", flow="customers", members={"erp": "1", "bc": "99"})],
        )
    )
    first, second = ("a@b.no", (far, own)), ("two@b.no", (sooner, later))
    assert list(store.contested("customers", ["erp", "bc"], "email")) == [(first, second)]
    assert list(store.contested("customers", ["erp", "bc"], "email", limit=1)) == [(first,), (second,)]


def test_a_flow_is_walked_link_by_link(store: Store) -> None:
    store.save(
        Memory(
            links=[link("3"), link("1"), link("2"), link("4", "orders")],
            shadows={("2", "bc"): shadow(name="Bo"), ("2", "erp"): shadow(name="BO")},
        )
    )
    first = store.pairs("customers", None, 2)
    assert [pair.link for pair in first] == [link("1"), link("2")]
    assert first[1].shadows == {"bc": shadow(name="Bo"), "erp": shadow(name="BO")}
    assert [pair.link.id for pair in store.pairs("customers", "2", 2)] == ["3"]


def test_parked_records_are_told_by_flow_and_cause(store: Store) -> None:
    def park(of: Ref, cause: Cause, minute: int) -> Parked:
        return Parked(ref=of, cause=cause, message="No.", since=NOON + timedelta(minutes=minute))

    rows = [park(ref("2"), "refused", 0), park(ref("1"), "conflict", 1), park(ref("9", flow="orders"), "refused", 2)]
    store.save(Memory(parked=rows[::-1]))
    assert store.parked() == tuple(rows)
    assert store.parked("customers") == tuple(rows[:2])
    assert store.parked(cause="refused") == (rows[0], rows[2])
    assert store.parked("orders", "conflict") == ()


def entry(of: Ref | None, link_id: str | None, note: str, action: Action = "updated", minute: int = 0) -> Entry:
    at = NOON + timedelta(minutes=minute)
    return Entry(at=at, flow=of.flow if of else "customers", link=link_id, ref=of, action=action, note=note)


def test_the_history_of_a_record_follows_it_through_its_links(store: Store) -> None:
    told = [
        entry(ref("a-1"), None, "parked alone", "parked"),
        entry(ref("a-1"), "old", "linked", "linked"),
        entry(ref("b-9", "bc"), "old", "written to its former partner"),
        entry(None, "old", "", "unlinked"),
        entry(ref("b-1", "bc"), "1", "written to its partner of today"),
    ]
    others = [entry(ref("b-2", "bc"), "2", "of others"), entry(ref("a-1", flow="orders"), None, "another flow")]
    store.save(Memory(journal=[*told[:2], *others, *told[2:]]))
    store.save(Memory(links=[link("1"), link("2")]))
    placed = [replace(each, seq=at) for each, at in zip(told, (1, 2, 5, 6, 7), strict=True)]
    assert store.history(ref("a-1")) == tuple(placed)
    assert store.history("old") == tuple(placed[1:4])
    assert store.history(ref("nobody")) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [(None, "x"), (True, False), (1, Decimal("1.0")), (Decimal("5"), None), ("5", 5), ('"quoted" æøå', "100%")],
)
def test_the_journal_keeps_values_exactly(store: Store, old: Value, new: Value) -> None:
    kept = Entry(at=NOON, flow="customers", link="1", ref=ref("1"), action="lost", property="p", old=old, new=new)
    store.save(Memory(journal=[kept]))
    (found,) = store.history("1")
    assert found == replace(kept, seq=1)
    assert (repr(found.old), repr(found.new)) == (repr(old), repr(new))


def test_the_counts_tell_how_each_flow_stands(store: Store) -> None:
    store.save(
        Memory(
            cursors={("products", "erp"): None},
            links=[
                link("1"),
                link("2", state=LinkState.RESTING),
                link("3", "orders", LinkState.COMPLETED),
                link("4", "orders"),
            ],
            arrivals=[
                Arrival(ref=ref("1"), record=None, seen=NOON, due=NOON),
                Arrival(ref=ref("2"), record=None, seen=NOON, due=None),
            ],
            parked=[
                Parked(ref=ref("2"), cause="waiting", message="", since=NOON),
                Parked(ref=ref("3"), cause="refused", message="", since=NOON),
                Parked(ref=ref("4"), cause="refused", message="", since=NOON),
            ],
            journal=[entry(ref("1"), None, "", minute=5), entry(ref("1"), None, "", minute=3)],
        )
    )
    assert store.counts() == {
        "customers": Counts(
            linked=2, resting=1, due=1, waiting=1, parked={"refused": 2}, last=NOON + timedelta(minutes=5)
        ),
        "orders": Counts(linked=2, completed=1),
        "products": Counts(),
    }


def found(store: Store, text: str, flow: str | None = None, limit: int = 50) -> list[str]:
    return [pair.link.id for pair in store.find_links(text, flow, limit)]


def test_links_are_found_by_what_people_know_of_them(store: Store) -> None:
    lines = (LineShadow(line="erp:1", id="1", values={"description": "Oslo bolt", "quantity": Decimal("4.5")}),)
    store.save(
        Memory(
            links=[link("1"), link("2"), link("3", "orders"), link("4")],
            shadows={
                ("1", "erp"): shadow(name="Ærlig AS", email="post@aerlig.no", limit=Decimal("1200.50")),
                ("2", "bc"): shadow(name='The "100%" Company', city="OSLO", phone=None),
                ("3", "bc"): Shadow(version=None, values={"name": "x"}, lines=lines),
                ("4", "erp"): shadow(name="b-1"),
            },
            keys={ref("a-2"): {"number": "C-0002", "name": "ærlig"}},
        )
    )
    assert found(store, "b-1") == ["1", "4"], "the record's own id before what merely contains it"
    assert found(store, "c-0002") == ["2"]
    assert found(store, "ÆRLIG") == found(store, "ærlig") == ["2", "1"], "keys first; letter case is no difference"
    assert found(store, "oslo") == ["2", "3"]
    assert found(store, "oslo", "orders") == ["3"]
    assert found(store, "oslo", limit=1) == ["2"]
    assert found(store, '"100%"') == ["2"]
    assert found(store, "1200.5") == ["1"]
    assert found(store, "name") == found(store, "null") == [], "what a property is called is not what it holds"
    assert found(store, " ") == []


def test_the_last_values_that_were_sent_are_told_by_property_and_line(store: Store) -> None:
    def told(n: int, action: Action = "updated", id_: str = "1", **more: Any) -> Entry:
        at = NOON + timedelta(minutes=n)
        return Entry(
            at=at,
            flow="customers",
            link=id_,
            ref=ref("a"),
            action=action,
            new=n,
            **{"origin": "bc", "property": "n"} | more,
        )

    store.save(
        Memory(
            journal=[
                told(1),
                told(2),
                told(3, origin=None, note="resolved"),
                told(4),
                told(5, line="erp:1"),
                told(6, property="m"),
                told(7, action="edited"),
                told(8, id_="2"),
                told(9),
            ]
        )
    )
    assert [entry.new for entry in store.sent(["1"], 2)] == [4, 5, 6, 9]
    assert [entry.new for entry in store.sent(["1", "2"], 1)] == [5, 6, 8, 9]
    assert store.sent([], 5) == ()


def test_the_journal_from_a_moment_on(store: Store) -> None:
    entries = [
        Entry(at=NOON + timedelta(minutes=n), flow=flow, link=None, ref=None, action="parked", note=str(n))
        for n, flow in enumerate(("customers", "orders", "customers", "orders"))
    ]
    store.save(Memory(journal=entries))
    later = store.journal_since(NOON + timedelta(minutes=1))
    assert [entry.note for entry in later] == ["1", "2", "3"]
    assert [entry.note for entry in store.journal_since(NOON, "orders", later[0].seq)] == ["3"]
    assert [entry.note for entry in store.journal_since(NOON, limit=1)] == ["0"]
    assert store.entry(later[1].seq) == later[1]
    assert store.entry(99) is None


def test_what_was_deleted_from_a_moment_on(store: Store) -> None:
    def told(minutes: int, id_: str, action: Action, **more: Any) -> Entry:
        at = NOON + timedelta(minutes=minutes)
        return Entry(at=at, flow="customers", link=f"link-{id_}", ref=ref(id_), action=action, **more)

    store.save(
        Memory(
            journal=[
                told(0, "1", "deleted"),
                told(1, "4", "deleted", line="a line"),
                told(1, "5", "updated"),
                told(1, "6", "deleted"),
                told(2, "7", "deleted", by="somebody"),
            ]
        )
    )
    refs, later = [ref(str(n)) for n in range(9)], NOON + timedelta(minutes=1)
    assert store.deleted_since(refs, later) == {ref("6"), ref("7")}
    assert store.deleted_since([*refs[:7], ref("7", "bc")], later) == {ref("6")}
