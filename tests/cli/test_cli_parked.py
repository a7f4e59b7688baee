"""``parked``: what is not worked on and why, and how it is taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.calling import call
from cli.kept import ARRIVALS, BC, ERP, kept, ref
from syncline.project import load
from syncline.records import Ref
from syncline.store import Arrival, Parked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return kept(tmp_path)


def remembered(folder: Path) -> tuple[dict[Ref, Arrival], tuple[Parked, ...]]:
    with load(folder).open_store() as store:
        return store.arrivals([arrival.ref for arrival in ARRIVALS]), store.parked()


def due(folder: Path) -> set[Ref]:
    arrivals, _ = remembered(folder)
    found = {ref for ref, arrival in arrivals.items() if arrival.due is not None}
    assert all(arrivals[ref].attempts == 0 for ref in found)
    return found


def still_parked(folder: Path) -> set[Ref]:
    return {parked.ref for parked in remembered(folder)[1]}


def test_everything_is_told_with_the_systems_own_words_and_a_mend(folder: Path) -> None:
    called = call(folder, "parked")
    assert called.code == 0
    assert called.out.startswith("customers  Berglunds snabbköp  refused  since ")
    assert "  customerp/customers/c2\n" in called.out
    assert "  businesscentral: The field Email contains a value that is not valid.\n" in called.out
    assert "  Correct it, in any system.\n" in called.out
    assert "customers  Nobody yet  suggested  since " in called.out
    assert "orders  SO-9  waiting  since " in called.out
    assert max(map(len, called.lines)) <= 80


def test_by_flow_and_cause(folder: Path) -> None:
    orders = call(folder, "parked", "--flow", "orders", "--json").json["parked"]
    assert orders == [
        {
            "record": "customerp/orders/o9",
            "flow": "orders",
            "side": "customerp",
            "id": "o9",
            "link": None,
            "name": "SO-9",
            "cause": "waiting",
            "message": "waits for customerp/customers/c9",
            "mend": "",
            "since": "2026-05-04T12:00:00Z",
            "waits": ["customerp/customers/c9"],
            "details": {},
        }
    ]
    (refused,) = call(folder, "parked", "--cause", "refused", "--json").json["parked"]
    assert (refused["link"], refused["details"]["code"]) == ("L-b", "Application_InvalidEmail")
    none = call(folder, "parked", "--cause", "deleted")
    assert (none.code, none.out, none.err) == (0, "", "Nothing is parked.\n")


@pytest.mark.parametrize("record", ["c2", "100", "BERGLUNDS SNABBKÖP", "customerp/customers/c2"])
def test_a_retried_record_is_due_with_all_that_belongs_to_it(folder: Path, record: str) -> None:
    called = call(folder, "parked", "retry", record)
    assert (called.code, called.out) == (0, "customerp/customers/c2\n")
    assert due(folder) == {ref(ERP, "c2"), ref(BC, "b2")}
    assert still_parked(folder) == {ref(ERP, "c9"), ref(ERP, "o9", "orders")}


def test_all_that_a_person_could_mend_are_retried_at_once(folder: Path) -> None:
    called = call(folder, "parked", "retry", "--all", "--json")
    assert called.json == {"retried": ["customerp/customers/c2", "customerp/customers/c9"]}
    assert due(folder) == {ref(ERP, "c2"), ref(BC, "b2"), ref(ERP, "c9")}
    assert still_parked(folder) == {ref(ERP, "o9", "orders")}, "it waits, and ends that by itself"


def test_all_of_a_cause_are_retried(folder: Path) -> None:
    assert call(folder, "parked", "--cause", "suggested", "retry", "--all").out == "customerp/customers/c9\n"
    assert call(folder, "parked", "--cause", "waiting", "retry", "--all").out == "customerp/orders/o9\n"
    assert due(folder) == {ref(ERP, "c9"), ref(ERP, "o9", "orders")}


def test_a_record_that_is_not_parked_keeps_the_others_from_being_retried(folder: Path) -> None:
    called = call(folder, "parked", "retry", "c2", "c1")
    assert (called.code, called.out) == (2, "")
    assert called.err == "Error: c1 is not parked. syncline parked shows what is.\n"
    assert due(folder) == set()
    assert len(still_parked(folder)) == 3
