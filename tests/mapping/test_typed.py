"""What a person types is the value of its kind, or a plain mistake."""

from __future__ import annotations

from decimal import Decimal

import pytest

from syncline.mapping.lenses import native
from syncline.mapping.model import Column, LensError, Property
from syncline.mapping.typed import objection, parse
from syncline.mapping.types import Kind, PropertyType
from syncline.records import Value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "Oslo", "Oslo"),
        (Kind.TEXT, "  ", None),
        (Kind.DECIMAL, " 1500.50", Decimal("1500.50")),
        (Kind.INTEGER, "7", 7),
        (Kind.INTEGER, "7.0", 7),
        (Kind.BOOLEAN, "Yes", True),
        (Kind.BOOLEAN, "false", False),
        (Kind.DATE, "2026-05-04", "2026-05-04"),
        (Kind.DATETIME, "2026-05-04T12:00:00+02:00", "2026-05-04T10:00:00Z"),
        (Kind.ENUM, "all", "all"),
        (Kind.DECIMAL, "", None),
    ],
)
def test_a_value_as_it_is_typed(kind: Kind, text: str, value: Value) -> None:
    found = parse(kind, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.DECIMAL, "much"),
        (Kind.DECIMAL, "NaN"),
        (Kind.INTEGER, "1.5"),
        (Kind.BOOLEAN, "maybe"),
        (Kind.DATE, "tomorrow"),
        (Kind.DATETIME, "noon"),
    ],
)
def test_what_is_no_value_of_its_kind(kind: Kind, text: str) -> None:
    with pytest.raises(LensError, match=f"{text} is not "):
        parse(kind, text)


def test_why_a_side_would_not_take_it() -> None:
    types = {
        "short": PropertyType(kind=Kind.TEXT, label="Text[5]", max_length=5),
        "few": PropertyType(kind=Kind.ENUM, label="enum", members=("a", "b")),
    }
    columns = {side: Column(paths=("x",), lens=native(told), type=told) for side, told in types.items()}
    both = frozenset(types)
    p = Property(name="x", kind=Kind.TEXT, columns=columns, sources=both, targets=both)
    assert objection(p, "short", "abcdef") == "abcdef is longer than Text[5]"
    assert objection(p, "short", "abcde") is None
    assert objection(p, "few", "c") == "c is none of a, b"
    assert objection(p, "few", None) is None
