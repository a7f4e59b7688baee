from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from syncline.connectors.rest.content import (
    LineMissing,
    at,
    edited,
    merged,
    parse_time,
    spell_time,
    under,
    without,
)
from syncline.connectors.rest.declaration import Times
from syncline.records import LineAdd, LineChange, LineRemove, LineWrite

LINES = [
    {"id": "1", "quantity": 1, "colour": "red", "net": 5},
    {"id": "2", "quantity": 2, "net": 6},
    {"id": "3", "quantity": 3, "net": 7},
]


def test_paths() -> None:
    assert at({"a": {"b": 1}}, "a.b") == 1
    assert at({"a": None}, "a.b") is None
    assert at([1], "") == [1]
    assert under("a.b", 1) == {"a": {"b": 1}}
    assert under("", 1) == 1


def test_merging_keeps_what_the_changes_do_not_name() -> None:
    old = {"a": {"b": 1, "c": 2}, "d": [1, 2]}
    assert merged(old, {"a": {"b": None}, "d": [3]}) == {"a": {"b": None, "c": 2}, "d": [3]}
    assert merged({"a": None}, {"a": {"b": 1}}) == {"a": {"b": 1}}
    assert old == {"a": {"b": 1, "c": 2}, "d": [1, 2]}


def test_leaving_out_nested_members() -> None:
    value = {"a": {"b": 1, "c": 2}, "d": 3}
    assert without(value, ["a.b", "d", "x.y"]) == {"a": {"c": 2}}
    assert value["a"] == {"b": 1, "c": 2}


def test_line_edits_keep_order_and_unmapped_members() -> None:
    array, places = edited(
        LINES,
        [
            LineAdd(fields={"quantity": 8}, after="1"),
            LineChange(id="1", version=None, fields={"quantity": 4}),
            LineAdd(fields={"quantity": 9}, after="1"),
            LineRemove(id="2", version=None),
            LineAdd(fields={"quantity": 7}, after=None),
        ],
        "id",
        ["id", "net"],
    )
    assert array == [
        {"quantity": 7},
        {"id": "1", "quantity": 4, "colour": "red"},
        {"quantity": 8},
        {"quantity": 9},
        {"id": "3", "quantity": 3},
    ]
    assert places == (2, 3, 0)


def test_a_line_after_a_removed_one_stands_where_that_was() -> None:
    edits: list[LineWrite] = [LineRemove(id="2", version=None), LineAdd(fields={"quantity": 5}, after="2")]
    array, places = edited(LINES, edits, "id")
    assert [line["quantity"] for line in array] == [1, 5, 3]
    assert places == (1,)


@pytest.mark.parametrize(
    "edit", [LineChange(id="9", version=None, fields={}), LineAdd(fields={}, after="9")], ids=["change", "add"]
)
def test_an_edit_of_an_absent_line(edit: LineChange | LineAdd) -> None:
    with pytest.raises(LineMissing, match="Line 9"):
        edited(LINES, [edit], "id")


@pytest.mark.parametrize(
    ("value", "times", "moment", "spelt"),
    [
        ("2024-05-06T07:08:09.123Z", "iso", datetime(2024, 5, 6, 7, 8, 9, 123000, UTC), "2024-05-06T07:08:09.123Z"),
        ("2024-05-06T09:08:09+02:00", "iso", datetime(2024, 5, 6, 7, 8, 9, 0, UTC), "2024-05-06T07:08:09.000Z"),
        (1714979289123, "epochMilliseconds", datetime(2024, 5, 6, 7, 8, 9, 123000, UTC), "1714979289123"),
        (Decimal("1714979289.5"), "epochSeconds", datetime(2024, 5, 6, 7, 8, 9, 500000, UTC), "1714979289"),
    ],
)
def test_times(value: object, times: Times, moment: datetime, spelt: str) -> None:
    assert parse_time(value, times) == moment
    assert spell_time(moment, times) == spelt


def test_what_is_no_time() -> None:
    assert parse_time(None, "iso") is None
    assert parse_time("soon", "iso") is None
    assert parse_time("soon", "epochSeconds") is None
