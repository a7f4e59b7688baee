"""``parked``: what is not worked on and why, and how it is taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cli.calling import call
from cli.kept import ARRIVALS, BC, ERP, kept, ref
from syncline.project import load
from syncline.records import Ref
from syncline.store import Arrival, Memory, Parked


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
    chain = (
        "customerp/orders/o9 waits for customerp/customers/c9, which is suggested: looks like the same record by name"
    )
    assert f"  {chain}\n" in called.out


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
            "chain": [
                {"record": "customerp/orders/o9", "state": "waiting", "message": ""},
                {
                    "record": "customerp/customers/c9",
                    "state": "parked",
                    "message": "is suggested: looks like the same record by name",
                },
            ],
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


# --- candidates


def candidate(about: Ref, name: str, score: int, same: list[str], differ: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    told = [{"property": p, "left": left, "right": right, "alike": 0} for p, (left, right) in differ.items()]
    return {"record": str(about), "name": name, "score": score, "same": same, "differ": told}


@pytest.fixture
def choosing(folder: Path) -> Path:
    """Of ``c9`` it is not known whether it is ``b2``, which is linked, or ``b8``, which is not."""
    ref8 = ref(BC, "b8")
    candidates = [
        candidate(
            ref8, "Nobody yet Ltd", 87, ["postalCode", "email"], {"city": ("Oslo", "Rome"), "phone": (None, "1")}
        ),
        candidate(ref(BC, "b2"), "Berglunds", 12, [], {"name": ("Nobody yet", "Berglunds")}),
    ]
    with load(folder).open_store() as store:
        (parked,) = store.parked_refs([ref(ERP, "c9")]).values()
        store.save(Memory(parked=[replace(parked, details={"candidates": candidates})]))
    return folder


def said(folder: Path) -> tuple[list[tuple[str, dict[str, str]]], set[frozenset[Ref]]]:
    """The wishes there are, and who is kept apart from c9."""
    with load(folder).open_store() as store:
        return [(w.kind, dict(w.members)) for w in store.wishes()], store.apart([ref(ERP, "c9")])


def test_candidates_are_shown_with_scores_and_reasons(choosing: Path) -> None:
    called = call(choosing, "parked", "--cause", "suggested")
    assert (
        "     87 %  businesscentral/customers/b8  Nobody yet Ltd: same postalCode, email; city Oslo or Rome\n"
        in called.out
    )
    assert "     12 %  businesscentral/customers/b2  Berglunds: name Nobody yet or Berglunds\n" in called.out
    assert "syncline parked apart" in called.err
    (told,) = call(choosing, "parked", "--cause", "suggested", "--json").json["parked"]
    best = told["details"]["candidates"][0]
    assert best["differ"][1] == {"property": "phone", "left": None, "right": "1", "alike": 0}


@pytest.mark.parametrize("records", [["c9"], ["Nobody yet", "businesscentral/customers/b8"]])
def test_records_are_linked_by_the_next_pass(choosing: Path, records: list[str]) -> None:
    called = call(choosing, "link", *records)
    assert called.out == "customerp/customers/c9 = businesscentral/customers/b8\n"
    assert said(choosing)[0] == [("link", {ERP: "c9", BC: "b8"})]
    again = call(choosing, "link", *records)
    assert (again.code, "is to be linked by the next pass already" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (["c9", "c1"], "customerp/customers/c1 has a link already with businesscentral/customers/b1"),
        (["c9", "customerp/customers/new"], "one record of each side"),
        (["c9", "SO-9"], "Records of customers and orders cannot be the same"),
        (["nobody at all"], "Nothing is remembered of nobody at all"),
    ],
)
def test_what_cannot_be_linked_is_refused(choosing: Path, records: list[str], why: str) -> None:
    called = call(choosing, "link", *records)
    assert (called.code, called.out) == (2, "")
    assert why in called.err
    assert said(choosing)[0] == []


def test_a_link_is_ended_by_the_next_pass(choosing: Path) -> None:
    told = call(choosing, "unlink", "Berglunds snabbköp", "--json").json
    assert told == {"link": "L-b", "flow": "customers", "members": {ERP: "c2", BC: "b2"}}
    assert said(choosing)[0] == [("unlink", {ERP: "c2", BC: "b2"})]
    none = call(choosing, "unlink", "c9")
    assert (none.code, "customerp/customers/c9 has no link." in none.err) == (2, True)


@pytest.mark.parametrize("records", [["c9"], ["--all"]])
def test_who_is_kept_apart_from_all_its_candidates(choosing: Path, records: list[str]) -> None:
    called = call(choosing, "parked", "apart", *records)
    assert called.lines == [
        "businesscentral/customers/b2 | customerp/customers/c9",
        "businesscentral/customers/b8 | customerp/customers/c9",
    ]
    pairs = {frozenset({ref(ERP, "c9"), ref(BC, id_)}) for id_ in ("b2", "b8")}
    assert said(choosing)[1] == pairs


def test_who_is_kept_apart_from_those_that_are_named(choosing: Path) -> None:
    told = call(choosing, "parked", "apart", "c9", "Berglunds snabbköp", "--json").json
    assert told == {
        "apart": [[f"{side}/customers/{id_}", "customerp/customers/c9"] for side, id_ in ((BC, "b2"), (ERP, "c2"))]
    }
    for records, why in ((["c1", "b1"], "are linked"), (["c1"], "are linked"), (["c9", "SO-9"], "of one flow")):
        refused = call(choosing, "parked", "apart", *records)
        assert (refused.code, why in refused.err) == (2, True), refused.err
    assert call(choosing, "parked", "apart").code == 2


def test_the_history_tells_who_took_a_record_up_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    call(folder, "parked", "retry", "c2")
    told = call(folder, "history", "customerp/customers/c2", "--json").json["entries"][-1]
    assert (told["action"], told["note"], told["by"]) == ("retried", "was parked: refused", "anna")
    assert "retried: was parked: refused by anna" in call(folder, "history", "customerp/customers/c2").out
