"""What is kept comes back as it was: the same values of the same types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.records import (
    Create,
    Delete,
    LineAdd,
    LineChange,
    LineRemove,
    LineShadow,
    Record,
    Shadow,
    Update,
    Value,
    Write,
)
from syncline.store.payloads import dump, key_text, load_plain, load_record, load_shadow, load_write

words = st.text(max_size=20)
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Value] = st.none() | st.booleans() | numbers | words
json: st.SearchStrategy[Any] = st.recursive(
    values, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=12
)
fields = st.dictionaries(words, json, max_size=6)
versions = st.none() | words
times = st.none() | st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(fold=0))
records = st.builds(
    Record, id=words, version=versions, modified=times, fields=fields, partial=st.booleans(), closed=st.booleans()
)
line_writes = (
    st.builds(LineAdd, fields=fields, after=versions)
    | st.builds(LineChange, id=words, version=versions, fields=fields)
    | st.builds(LineRemove, id=words, version=versions)
)
writes: st.SearchStrategy[Write] = (
    st.builds(Create, key=words, fields=fields, lines=st.lists(fields, max_size=3).map(tuple))
    | st.builds(Update, id=words, version=versions, fields=fields, lines=st.lists(line_writes, max_size=3).map(tuple))
    | st.builds(Delete, id=words, version=versions)
)
shared = st.dictionaries(words, values, max_size=6)
lines = st.builds(LineShadow, line=words, id=words, version=versions, values=shared)
shadows = st.builds(
    Shadow, version=versions, modified=times, values=shared, lines=st.lists(lines, max_size=3).map(tuple)
)


def spelled(value: Any) -> Any:
    """The value with every type and every digit shown: ``1 == Decimal("1.0") == True`` would hide what was lost."""
    if isinstance(value, Mapping):
        return {key: spelled(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(member) for member in value]
    if hasattr(value, "__struct_fields__"):
        return type(value).__name__, {name: spelled(getattr(value, name)) for name in value.__struct_fields__}
    return repr(value)


@given(records)
def test_a_record_comes_back_exactly(record: Record) -> None:
    assert spelled(load_record(dump(record))) == spelled(record)


@given(shadows)
def test_a_shadow_comes_back_exactly(shadow: Shadow) -> None:
    assert spelled(load_shadow(dump(shadow))) == spelled(shadow)


@given(writes)
def test_a_write_comes_back_exactly(write: Write) -> None:
    assert spelled(load_write(dump(write))) == spelled(write)


@given(json)
def test_plain_data_comes_back_exactly(data: Any) -> None:
    assert spelled(load_plain(dump(data))) == spelled(data)


@pytest.mark.parametrize("number", ["5", "5.00", "0", "-0", "0.1", "1E+3", "1E-30", "12345678901234567890.123456789"])
def test_a_decimal_keeps_its_digits_and_never_becomes_a_float(number: str) -> None:
    (back,) = load_plain(dump([Decimal(number)]))
    assert repr(back) == repr(Decimal(number))


def test_text_that_looks_like_a_number_stays_text() -> None:
    assert load_plain(dump({"no": "007", "price": "1.50"})) == {"no": "007", "price": "1.50"}


def test_a_time_of_another_zone_comes_back_in_utc() -> None:
    oslo = datetime(2026, 5, 4, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    record = load_record(dump(Record(id="1", version=None, modified=oslo, fields={})))
    assert record.modified == oslo
    assert record.modified.tzinfo is UTC


def test_a_shadow_of_before_sides_could_be_behind_is_still_read() -> None:
    line = {"line": "erp:1", "id": "1", "version": None, "values": {"quantity": 2}}
    told = {"version": "7", "modified": None, "values": {"name": "Anna"}, "lines": [line]}
    assert load_shadow(dump(told)) == Shadow(
        version="7", values={"name": "Anna"}, lines=(LineShadow(line="erp:1", id="1", values={"quantity": 2}),)
    )


def test_any_mapping_can_be_kept() -> None:
    assert load_plain(dump(Shadow(version=None, values=MappingProxyType({"a": 1}))))["values"] == {"a": 1}


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object()])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        dump([value])


@given(numbers, numbers)
def test_numbers_are_the_same_key_exactly_when_they_are_equal(one: int | Decimal, other: int | Decimal) -> None:
    assert (key_text(one) == key_text(other)) == (one == other)


@given(numbers, st.integers(0, 5))
def test_zeros_at_the_end_make_no_other_key(number: int | Decimal, zeros: int) -> None:
    text = f"{number:f}" if isinstance(number, Decimal) else str(number)
    longer = Decimal(text + ("" if "." in text else ".") + "0" * zeros)
    assert key_text(longer) == key_text(number)
    assert load_plain(key_text(longer)) == number


@given(words, words)
def test_texts_are_the_same_key_exactly_when_they_are_equal(one: str, other: str) -> None:
    assert (key_text(one) == key_text(other)) == (one == other)
    assert load_plain(key_text(one)) == one
