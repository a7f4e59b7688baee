"""``syncline why``: where each value came from, or why a record is not synchronised."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.calling import Systems, call
from cli.kept import kept
from cli.test_cli_looking import local


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("why"))


def test_each_value_is_told_with_where_it_came_from(folder: Path) -> None:
    called = call(folder, "why", "Alfreds")
    assert called.code == 0
    assert called.lines[:5] == [
        "customers  Alfreds Futterkiste",
        "  customerp/customers/c1",
        "  businesscentral/customers/b1",
        "",
        "Nothing is to be done: an edit on either side will be taken up by the next pass.",
    ]
    written = "1500.50 was written to customerp from businesscentral in place of (empty)"
    assert [line.split("  ")[-1] for line in called.lines if line.startswith("creditLimit")] == [written]
    assert "+47 1 of customerp gave way to +47 2 of businesscentral, since both sides had changed it" in called.out
    assert called.err == "\nsyncline why Alfreds PROPERTY tells everything of one.\n"


def test_of_one_property_the_rule_and_everything_that_happened_is_told(folder: Path) -> None:
    called = call(folder, "why", "10", "creditLimit")
    rule = "creditLimit (Customerp) ↔ creditLimit (Business Central); if both changed it, Business Central wins"
    assert called.lines[-4:] == [
        f"creditLimit: {rule}",
        "  customerp: 1500.50",
        "  businesscentral: 1500.50",
        f"  {local(2)}  1500.50 was written to customerp from businesscentral in place of (empty).",
    ]


def test_of_a_property_of_a_line_too(folder: Path) -> None:
    called = call(folder, "why", "SO-7", "quantity", "--line", "2")
    assert "One side has closed it for good: nothing is written any more." in called.lines
    assert called.lines[-1] == f"  {local(5)}  1.5 was written to businesscentral in place of 1."
    nothing = call(folder, "why", "SO-7", "quantity", "--line", "1")
    assert nothing.lines[-1] == "  Nothing was done to it since the records were linked."


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (
            "100",
            "is parked as refused: businesscentral: The field Email contains a value that is not valid. Correct",
        ),
        ("c9", "customerp/customers/c9 is parked as suggested: looks like the same record by name"),
        ("SO-9", "customerp/customers/c9"),
    ],
)
def test_why_a_record_is_not_synchronised_is_told_in_the_systems_words(folder: Path, record: str, why: str) -> None:
    called = call(folder, "why", record)
    assert called.code == 0
    assert any(why in line for line in called.lines[2:])


def test_what_there_is_not_is_told_with_what_there_is(folder: Path) -> None:
    called = call(folder, "why", "10", "creditLimt")
    assert (called.code, called.out) == (2, "")
    assert "customers has no property creditLimt. Did you mean creditLimit?" in called.err
    assert "There is no line 9: it has 2." in call(folder, "why", "SO-7", "quantity", "--line", "9").err
    assert "Nothing is remembered of nobody." in call(folder, "why", "nobody").err


def test_as_json(folder: Path) -> None:
    told = call(folder, "why", "10", "phone", "--json").json
    assert told["record"] == ["customerp/customers/c1", "businesscentral/customers/b1"]
    (why,) = told["why"]
    assert (why["property"], why["values"], [event["seq"] for event in why["events"]]) == ("phone", {}, [4])


def test_an_edit_is_told_from_its_origin_to_where_it_arrived(project: Path, systems: Systems) -> None:
    made = systems.erp.made("products", sku="WHY-1", name="Whyte", price=10, unit="PCS")
    assert call(project, "sync").code == 0
    assert systems.erp.patch(f"products/{made['id']}", {"price": 12}).status == 200
    assert call(project, "sync").code == 0
    lines = call(project, "why", "WHY-1", "price").lines
    told = [line.split("  ", 2)[-1] for line in lines if " was " in line]
    assert told[:2] == [
        "12 was written to businesscentral from customerp in place of 10, since it was changed there.",
        "10 was changed to 12 in customerp.",
    ]
    assert "10 was in businesscentral when it was created there, from customerp" in told[2]
