"""The round-trip laws, for every lens.

* ``get`` after ``put`` gives what the side can hold of a value, and a second round changes nothing;
* ``put`` after ``get`` gives the side's normal spelling, and a second round changes nothing;
* a lens that says it loses nothing gives back every value of its domain.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pycountry
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncline.mapping.lenses import (
    Chain,
    Code,
    Constant,
    Day,
    DayOfMoment,
    Flag,
    Integer,
    Invert,
    Join,
    Listed,
    Mapped,
    Member,
    Moment,
    Number,
    Only,
    Text,
    Trim,
    Truncate,
    Upper,
)
from syncline.mapping.model import Lens, LensError
from syncline.mapping.places import Country, Phone
from syncline.records import Value

ZERO_GUID = "00000000-0000-0000-0000-000000000000"

anything = st.text(max_size=40)
filled = anything.filter(lambda text: bool(text.strip()))
numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=7)
days = st.dates().map(lambda day: day.isoformat()).filter(lambda day: day != "0001-01-01")
moments = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.isoformat().removesuffix("+00:00") + "Z"
)
words = st.sampled_from(["none", "shipping", "all"])
countries = st.sampled_from([country.alpha_2 for country in pycountry.countries])
phones = st.one_of(
    filled,
    st.from_regex(r"\A[+0(]{0,2}[0-9]{1,4}[-) /.]{0,2}[0-9 -]{4,11}\Z"),
    st.from_regex(r"\A\+[1-9][0-9]{6,13}\Z"),
)

HOLD = Mapped(
    shared={"_x0020_": "none", "Ship": "shipping", "All": "all"},
    raw={"none": "_x0020_", "shipping": "Ship", "all": "All"},
    blank="_x0020_",
)
GROUP = Mapped(shared={"BOOKS": "PRINT"}, raw={"PRINT": "BOOKS"}, otherwise="RETAIL")

LENSES: dict[str, tuple[Lens, st.SearchStrategy[Value]]] = {
    "text": (Text(), filled),
    "text with a blank": (Text(""), filled),
    "id": (Text(ZERO_GUID), st.uuids().map(str)),
    "code": (Code(""), filled),
    "number": (Number(), numbers),
    "number of two places": (Number(2, Decimal(0)), numbers),
    "integer": (Integer(), st.integers()),
    "integer with a blank": (Integer(0), st.integers()),
    "flag": (Flag(), st.booleans()),
    "flag with a blank": (Flag(blank=False), st.booleans()),
    "day": (Day("0001-01-01"), days),
    "moment": (Moment("0001-01-01T00:00:00Z"), moments),
    "day of a moment": (DayOfMoment(), days),
    "member": (Member(("none", "shipping", "all"), "_x0020_"), words),
    "list": (Listed(), filled),
    "values": (HOLD, words),
    "trim": (Trim(), filled),
    "upper": (Upper(), filled),
    "truncate": (Truncate(5), filled),
    "invert": (Invert(), st.booleans()),
    "country": (Country(), countries),
    "country by alpha-3": (Country("alpha3"), countries),
    "country by number": (Country("numeric"), countries),
    "country by name": (Country("name"), countries),
    "phone": (Phone(Text("")), phones),
    "names joined": (Join((Text(), Text(""))), filled),
    "three names joined": (Join((Text(), Text(), Text())), filled),
    "blocked, inverted": (Chain((Flag(blank=False), Invert())), st.booleans()),
    "code, cut": (Chain((Truncate(4), Code(""), Trim())), filled),
    "only some": (Only(Text(), {"kind": ("stock",)}), filled),
}
LOSSLESS = {
    "text",
    "text with a blank",
    "id",
    "number",
    "integer",
    "integer with a blank",
    "flag",
    "flag with a blank",
    "day",
    "moment",
    "member",
    "values",
    "invert",
    "country",
    "country by alpha-3",
    "country by number",
    "country by name",
    "blocked, inverted",
    "only some",
    "day of a moment",
}


@pytest.mark.parametrize("name", LENSES)
def test_what_a_side_can_hold_does_not_change_in_a_second_round(name: str) -> None:
    lens, values = LENSES[name]

    @given(st.one_of(values, st.none()))
    def law(value: Value) -> None:
        held = lens.get(lens.put(value))
        assert lens.get(lens.put(held)) == held
        sent = lens.put(held)
        assert lens.put(lens.get(sent)) == sent

    law()


@pytest.mark.parametrize("name", sorted(LOSSLESS))
def test_a_lossless_lens_gives_back_what_it_was_given(name: str) -> None:
    lens, values = LENSES[name]

    @given(values)
    def law(value: Value) -> None:
        assert lens.get(lens.put(value)) == value

    law()


def test_every_other_lens_says_what_it_loses() -> None:
    silent = {name for name, (lens, _) in LENSES.items() if not lens.lossy}
    assert silent - LOSSLESS == set()
    assert all(LENSES[name][0].lossy is None for name in LOSSLESS - {"day of a moment"})
    assert GROUP.lossy == "several values become one"


RAWS: dict[str, tuple[Lens, st.SearchStrategy[tuple[Any, ...]]]] = {
    "text": (Text(""), st.tuples(anything | st.none())),
    "code": (Code(""), st.tuples(anything | st.none())),
    "number": (Number(2), st.tuples(numbers | st.integers() | st.none())),
    "integer": (Integer(), st.tuples(st.integers() | st.integers().map(Decimal) | st.none())),
    "moment": (Moment(), st.tuples(st.datetimes(timezones=st.timezones()).map(lambda m: m.isoformat()))),
    "list": (Listed(), st.tuples(st.lists(anything) | st.none())),
    "values": (HOLD, st.tuples(st.sampled_from(["_x0020_", "Ship", "All", "", None]))),
    "names": (Join((Text(), Text())), st.tuples(anything | st.none(), anything | st.none())),
    "country": (Country("name"), st.tuples(st.sampled_from(["Germany", "germany", "DEU", "DE", "Bolivia", None]))),
}


@pytest.mark.parametrize("name", RAWS)
def test_what_a_side_holds_is_normalised_once(name: str) -> None:
    lens, raws = RAWS[name]

    @given(raws)
    def law(raw: tuple[Any, ...]) -> None:
        try:
            normal = lens.put(lens.get(raw))
        except LensError:
            assume(False)
        assert lens.put(lens.get(normal)) == normal

    law()


@given(phones, st.sampled_from(["DE", "GB", "MX", "US", "AR", "IT", None]))
def test_a_phone_read_in_its_country_is_the_same_everywhere(number: str, country: str | None) -> None:
    lens = Phone(Text(), Country())
    shared = lens.get((number, country))
    assert lens.get((shared, country)) == shared
    assert lens.get(lens.put(shared)) == shared


@pytest.mark.parametrize(
    ("lens", "raw", "value"),
    [
        (Phone(Text(), Country("name")), ("030-0074321", "Germany"), "+49300074321"),
        (Phone(Text(), Country()), ("0921-12 34 65", "SE"), "+46921123465"),
        (Phone(Text(), Country()), ("88.60.15.31", "FR"), "88.60.15.31"),
        (Phone(Text(), Country()), ("+49 30 1234567 ext 5", "DE"), "+49 30 1234567 ext 5"),
        (Phone(Text(), Country()), ("030 1234567 (Maria)", "DE"), "030 1234567 (Maria)"),
        (Phone(Text(), Country()), ("030,1234567", "DE"), "030,1234567"),
        (Phone(Text(), Country()), ("Obere Str. 57", "DE"), "Obere Str. 57"),
        (Phone(Text(), Country("alpha3")), ("030 1234567", "nowhere"), "030 1234567"),
        (Phone(Text()), ("+49 (0)30 1234567",), "+49301234567"),
        (Join((Text(), Text())), ("Ana María", "Trujillo"), "Ana María Trujillo"),
        (Join((Text(), Text())), (None, "Madonna"), "Madonna"),
        (Join((Text(), Text())), (" ", ""), None),
        (Listed(), (["103001", "103002"],), "103001, 103002"),
        (Only(Text(), {"kind": ("stock", None)}), ("RESALE", "service"), None),
        (Only(Text(), {"kind": ("stock", None)}), ("RESALE", None), "RESALE"),
        (GROUP, ("BOOKS",), "PRINT"),
        (GROUP, ("TOYS",), "RETAIL"),
        (GROUP, (None,), "RETAIL"),
        (Day("0001-01-01"), ("0001-01-01",), None),
        (DayOfMoment(), ("2024-03-01T00:30:00+02:00",), "2024-02-29"),
        (Member(("Ship",), "_x0020_"), ("_x0020_",), None),
        (Constant("RETAIL"), (), "RETAIL"),
        (Text("EUR"), ("EUR",), None),
    ],
)
def test_gets(lens: Lens, raw: tuple[Any, ...], value: Value) -> None:
    assert lens.get(raw) == value


@pytest.mark.parametrize(
    ("lens", "value", "raw"),
    [
        (Join((Text(), Text())), "Ana María Trujillo", ("Ana María", "Trujillo")),
        (Join((Text(), Text())), "Madonna", (None, "Madonna")),
        (Join((Text(""), Text(""))), None, ("", "")),
        (Join((Text(), Text(), Text())), "J. S. von Bach", ("J. S.", "von", "Bach")),
        (Number(2), Decimal("2.345"), (Decimal("2.35"),)),
        (Number(2), Decimal("-2.345"), (Decimal("-2.35"),)),
        (Number(blank=Decimal(0)), None, (Decimal(0),)),
        (Code(""), " ab ", ("AB",)),
        (HOLD, None, ("_x0020_",)),
        (DayOfMoment(), "2024-02-29", ("2024-02-29T00:00:00Z",)),
        (Listed(), "a, b", (["a", "b"],)),
        (Listed(), None, ([],)),
        (Country("name"), "DE", ("Germany",)),
        (Constant("RETAIL"), "RETAIL", ()),
    ],
)
def test_puts(lens: Lens, value: Value, raw: tuple[Any, ...]) -> None:
    assert lens.put(value) == raw


@pytest.mark.parametrize(
    ("lens", "raw", "message"),
    [
        (Text(), 7, "7 is not text"),
        (Number(), 1.5, "1.5 is not a number"),
        (Number(), True, "True is not a number"),
        (Integer(), Decimal("1.5"), "1.5 is not a whole number"),
        (Flag(), "yes", "yes is not true or false"),
        (Day(), "2024-13-01", "2024-13-01 is not a date like 2000-01-31"),
        (Moment(), "soon", "soon is not a time like 2000-01-31T12:00:00Z"),
        (Member(("Ship", "All")), "Some", "Some is none of Ship, All"),
        (HOLD, "Some", "Some is none of _x0020_, Ship, All"),
        (Listed(), "a, b", "a, b is not a list of texts"),
        (Country("name"), "Atlantis", "Atlantis is no country of ISO 3166"),
    ],
)
def test_says_what_it_cannot_get(lens: Lens, raw: Any, message: str) -> None:
    with pytest.raises(LensError) as caught:
        lens.get((raw,))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("lens", "value", "message"),
    [
        (HOLD, "some", "some is none of none, shipping, all"),
        (Member(("Ship", "All")), "Some", "Some is none of Ship, All"),
        (Integer(), Decimal("1.5"), "1.5 is not a whole number"),
        (Text(), Decimal(1), "1 is not text"),
        (Country("alpha3"), "XX", "XX is no country of ISO 3166"),
    ],
)
def test_says_what_it_cannot_put(lens: Lens, value: Value, message: str) -> None:
    with pytest.raises(LensError) as caught:
        lens.put(value)
    assert str(caught.value) == message
