"""``status``, ``links`` and ``history``: what is remembered, in words for people and as JSON."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from cli.calling import Called, call
from cli.kept import NOON, kept


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("kept"))


def local(minute: int) -> str:
    return f"{(NOON + timedelta(minutes=minute)).astimezone():%Y-%m-%d %H:%M:%S}"


def rows(called: Called) -> list[list[str]]:
    """The cells of a table, which are two blanks apart."""
    assert called.code == 0
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in called.lines]


# --- status


def test_status_is_a_row_for_each_flow(folder: Path) -> None:
    called = call(folder, "status")
    assert rows(called) == [
        ["FLOW", "LINKED", "RESTING", "COMPLETED", "DUE", "WAITING", "PARKED", "LAST"],
        ["customers", "3", "1", "0", "0", "0", "2", local(7)],
        ["products", "0", "0", "0", "0", "0", "0", "-"],
        ["contacts", "0", "0", "0", "0", "0", "0", "-"],
        ["orders", "1", "0", "1", "0", "1", "0", local(6)],
    ]
    assert "2 records parked for a person: syncline parked tells why." in called.err
    assert max(map(len, called.lines)) <= 80


def test_status_as_json(folder: Path) -> None:
    flows = call(folder, "status", "--json").json["flows"]
    assert list(flows) == ["customers", "products", "contacts", "orders"]
    assert flows["customers"] == {
        "linked": 3,
        "resting": 1,
        "completed": 0,
        "due": 0,
        "waiting": 0,
        "parked": {"refused": 1, "suggested": 1},
        "last": "2026-05-04T12:07:00Z",
    }
    assert flows["products"]["last"] is None


def test_syncline_alone_shows_the_status_and_what_to_do_next(folder: Path) -> None:
    called = call(folder)
    assert called.out == call(folder, "status").out
    assert re.search(r"\nNext:\n(  .*\n)*  1 record \(refused\): correct what its system refuses", called.err)
    assert "  Nobody is at work: syncline sync is one pass, syncline run stays in step.\n" in called.err
    assert called.err.endswith("\nAll of this in a browser: syncline console\n")


def test_syncline_alone_in_a_new_project_says_what_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BC_CLIENT_ID", raising=False)
    monkeypatch.setenv("BC_CLIENT_SECRET", "a secret")
    told = ("--businesscentral", "https://api.businesscentral.dynamics.com/v2.0/t/e/api/v2.0/")
    assert call(tmp_path, "init", str(tmp_path / "new"), *told, "--customerp", "https://erp.example.com").code == 0
    called = call(tmp_path / "new")
    assert re.search(r"  Set .*BC_CLIENT_ID.*: without that, no system is asked\.\n", called.err)
    assert "BC_CLIENT_SECRET" not in called.err
    assert "  syncline doctor looks whether all is there that a pass needs.\n" in called.err


def test_syncline_alone_without_a_project_says_how_to_begin(tmp_path: Path) -> None:
    empty = call(tmp_path)
    assert empty.code == 0
    assert "syncline init DIR" in empty.out


# --- links


def test_links_are_shown_by_flow(folder: Path) -> None:
    called = call(folder, "links")
    assert rows(called) == [
        ["FLOW", "NUMBER", "STATE", "NAME"],
        ["customers", "10", "active", "Alfreds Futterkiste"],
        ["customers", "100", "active", "Berglunds snabbköp"],
        ["customers", "7", "resting", "Old [31mred hat"],
        ["orders", "SO-7", "completed", "SO-7"],
    ]
    assert "\x1b" not in called.out


def test_links_are_found_by_any_value_and_limited(folder: Path) -> None:
    assert rows(call(folder, "links", "snabb"))[1:] == [["customers", "100", "active", "Berglunds snabbköp"]]
    assert rows(call(folder, "links", "--flow", "orders"))[1:] == [["orders", "SO-7", "completed", "SO-7"]]
    few = call(folder, "links", "--limit", "2")
    assert len(few.lines) == 3
    assert "There are more than these 2 links" in few.err
    assert call(folder, "links", "--limit", "2", "--all").out == call(folder, "links").out
    none = call(folder, "links", "nothing like it")
    assert (none.code, "No link has that." in none.err) == (0, True)


def test_links_with_their_ids(folder: Path) -> None:
    assert rows(call(folder, "links", "alfreds", "--ids")) == [
        ["FLOW", "NAME", "CUSTOMERP", "BUSINESSCENTRAL"],
        ["customers", "Alfreds Futterkiste", "c1", "b1"],
    ]


def test_links_as_json_name_what_they_point_to(folder: Path) -> None:
    told = call(folder, "links", "so1", "--json").json
    assert told["more"] is False
    (link,) = told["links"]
    assert link == {
        "link": "L-o",
        "flow": "orders",
        "name": "SO-7",
        "state": "completed",
        "members": {"customerp": "o1", "businesscentral": "so1"},
        "values": {
            side: {"orderNo": "SO-7", "customer": "Alfreds Futterkiste"} for side in ("customerp", "businesscentral")
        },
    }
    (alfreds,) = call(folder, "links", "b1", "--json").json["links"]
    assert alfreds["values"]["customerp"]["creditLimit"] == 1500.5
    assert call(folder, "links", "--json", "--limit", "1").json["more"] is True


# --- history


@pytest.mark.parametrize(
    "record",
    ["10", "c1", "b1", "alfreds futterkiste", "Alfreds", "customerp/customers/c1", "businesscentral/customers/b1"],
)
def test_a_record_is_found_by_what_people_call_it(folder: Path, record: str) -> None:
    called = call(folder, "history", record)
    assert rows(called) == [
        ["customers", "Alfreds Futterkiste"],
        ["customerp/customers/c1"],
        ["businesscentral/customers/b1"],
        [],
        ["SEQ", "WHEN", "SYSTEM", "WHAT"],
        ["1", local(0), "businesscentral", "created Alfreds (from customerp)"],
        ["2", local(1), "businesscentral", "name: Alfreds → Alfreds Futterkiste (from customerp)"],
        ["3", local(2), "customerp", "creditLimit: (empty) → 1500.50 (from businesscentral)"],
        ["4", local(3), "customerp", "phone: +47 1 gave way to +47 2 (from businesscentral)"],
    ]


def test_history_names_references_and_counts_lines(folder: Path) -> None:
    called = call(folder, "history", "SO-7")
    assert [row[3] for row in rows(called)[5:]] == [
        "customer: Berglunds snabbköp → Alfreds Futterkiste",
        "line 2 quantity: 1 → 1.5",
        "deleted line three",
    ]


def test_history_as_json(folder: Path) -> None:
    told = call(folder, "history", "SO-7", "--json").json
    assert told["record"]["members"] == {"customerp": "o1", "businesscentral": "so1"}
    assert told["entries"][0] == {
        "at": "2026-05-04T12:04:00Z",
        "flow": "orders",
        "link": "L-o",
        "ref": "businesscentral/orders/so1",
        "action": "updated",
        "property": "customer",
        "line": None,
        "old": "Berglunds snabbköp",
        "new": "Alfreds Futterkiste",
        "origin": None,
        "note": "",
        "whole": None,
        "by": None,
        "seq": 5,
    }
    assert told["entries"][1]["lineNumber"] == "2"


def test_a_record_without_a_link_has_a_history_too(folder: Path) -> None:
    for record in ("c9", "900", "nobody yet", "customerp/customers/c9"):
        called = call(folder, "history", record)
        assert called.lines[0] == "customers  Nobody yet"
        assert called.lines[-1].endswith("customerp  parked: looks like the same record by name")
    told = call(folder, "history", "c9", "--json").json["record"]
    assert told == {"link": None, "flow": "customers", "name": "Nobody yet", "members": {"customerp": "c9"}}


def test_who_may_be_several_is_asked_for_one(folder: Path) -> None:
    called = call(folder, "history", "e")
    assert (called.code, called.out) == (2, "")
    assert "customerp/customers/c1  Alfreds Futterkiste" in called.err
    assert "customerp/customers/c2  Berglunds snabbköp" in called.err
    unknown = call(folder, "history", "nobody at all")
    assert unknown.code == 2
    assert "Nothing is remembered of nobody at all." in unknown.err
