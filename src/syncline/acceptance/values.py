"""Values to try a property with: such as both sides can hold, each another, and as long as was agreed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec import Struct

from syncline.mapping.lenses import Chain, Constant, Join, Mapped, Only, Scalar
from syncline.mapping.model import Column, Lens, Property
from syncline.mapping.places import Country, Phone
from syncline.mapping.types import CodeTable, Kind
from syncline.records import Value

_MAIL = ("mail",)
_WEB = ("web", "url", "homepage")
_BARCODE = ("gtin", "barcode", "ean")
_MOST = 12
_FILLER = "abcdefghijklmnopqrstuvwxyz "


class Palette(Struct, frozen=True, kw_only=True):
    """What values can be made of.

    ``codes`` are the tables of (side, entity); ``seen`` is what live records hold, and ``given`` what the configuration
    says in the shared spelling, by property; ``links`` are the linked records to be pointed to, by flow.
    """

    mark: str
    day: date
    codes: Mapping[tuple[str, str], CodeTable]
    seen: Mapping[str, Sequence[Value]]
    given: Mapping[str, Sequence[Value]]
    links: Mapping[str, Sequence[str]]


class NoValues(Exception):
    """There is nothing to try a property with: the text says why, and what would help."""


def values_for(name: str, p: Property, palette: Palette, serial: int, place: int) -> list[Value]:
    """Values for one record, the first for its creation, the others for edits. Raises `NoValues`.

    ``serial`` is the record's, ``place`` the property's in its flow: what is made up for one is in no other, so that a
    value in the wrong place is seen. ``name`` is how the configuration calls the property.
    """
    if given := palette.given.get(name):
        return list(dict.fromkeys(given))
    if p.reference is not None:
        if not (linked := palette.links.get(p.reference.flow)):
            raise NoValues(f"there are no test records of {p.reference.flow} to point to")
        return list(linked)
    found: Sequence[Value]
    if (agreed := enumerated(p)) is not None:
        found = agreed
    elif p.kind is Kind.BOOLEAN:
        found = (True, False)
    elif _bound(p):
        found = _codes(p, palette) or palette.seen.get(name, ())
    else:
        return [_made(p, palette, serial * 10 + variant + 1, place) for variant in range(3)]
    held = [value for value in found if all(_holds(column, value) for column in p.columns.values())]
    if not held:
        raise NoValues(f"no value of it is known that both sides can hold: give some as accept.values.FLOW.{name}")
    return held[:_MOST]


def _scalars(lens: Lens) -> Iterator[Scalar]:
    match lens:
        case Chain():
            for layer in lens.layers:
                yield from _scalars(layer)
        case Only():
            yield from _scalars(lens.lens)
        case Scalar():
            yield lens


def enumerated(p: Property) -> Sequence[Value] | None:
    """The values that the agreement names, or that a side has members for; ``None`` where it may be others."""
    sets: list[list[Value]] = []
    for column in p.columns.values():
        mapped = next((each for each in _scalars(column.lens) if isinstance(each, Mapped)), None)
        if mapped is not None:
            sets.append([value for value in mapped.raw if value is not None])
        elif column.type.kind is Kind.ENUM:
            sets.append(list(column.type.members))
    if not sets:
        return None
    return [value for value in sets[0] if all(value in other for other in sets[1:])] if len(sets) > 1 else sets[0]


def _bound(p: Property) -> bool:
    """Only codes that a side has will do."""
    return any(column.table is not None or column.type.codes is not None for column in p.columns.values())


def _codes(p: Property, palette: Palette) -> list[Value]:
    tables = [
        palette.codes.get((side, column.table or column.type.codes or ""))
        for side, column in p.columns.items()
        if (column.table or column.type.codes) and column.within is None
    ]
    sets = [sorted(set(table.codes.values())) for table in tables if table is not None]
    return [code for code in sets[0] if all(code in other for other in sets[1:])] if sets else []


def _holds(column: Column, value: Value) -> bool:
    """What goes to a side comes back from it the same, and fits."""
    if column.type.kind is Kind.ID or isinstance(column.lens, Constant):
        return True
    try:
        raws = column.lens.put(value)
        same = column.lens.get(raws) == value
    except ValueError:
        return False
    longest = column.type.max_length
    return same and all(not isinstance(raw, str) or longest is None or len(raw) <= longest for raw in raws)


# --- made up


def _made(p: Property, palette: Palette, number: int, place: int) -> Value:
    day = palette.day + timedelta(days=(number + place) % 20)
    match p.kind:
        case Kind.DECIMAL:
            return _amount(p, number, place)
        case Kind.INTEGER:
            return number * 100 + place
        case Kind.DATE:
            return day.isoformat()
        case Kind.DATETIME:
            return f"{day.isoformat()}T12:00:00Z"
        case _:
            return _text(p, palette.mark, number, place)


def _amount(p: Property, number: int, place: int) -> Decimal:
    """With as many places as the coarser side keeps, two at most, and smaller in later rows.

    What is to be shipped of a line stands behind how many were ordered, and may not be more.
    """
    kept = [c.type.decimals for c in p.columns.values() if c.type.decimals is not None]
    whole = 10 + number % 80
    return Decimal(f"{whole}.{99 - place % 99:02d}") if min([2, *kept]) == 2 else Decimal(whole)


def _text(p: Property, mark: str, number: int, place: int) -> str:
    columns = list(p.columns.values())
    paths = [path.lower() for column in columns for path in column.paths]
    longest = min((c.type.max_length for c in columns if c.type.max_length and len(c.paths) == 1), default=40)
    own = f"{number}-{place}"
    if any(isinstance(column.lens, Phone) for column in columns) or _among(paths, ("phone", "mobile", "fax")):
        return f"+4420794{60000 + (int(mark, 16) + number * 100 + place) % 40000:05d}"
    if _among(paths, _MAIL):
        return f"accept.{mark.lower()}.{own}@example.com"[:longest]
    if _among(paths, _WEB):
        return _filled(f"https://example.com/{mark.lower()}/{own}/", longest).replace(" ", "-")
    if _among(paths, _BARCODE):
        return _barcode(int(mark, 16) * 1_000_000 + number * 100 + place)
    if any(isinstance(column.lens, Join) for column in columns):
        return f"Acceptance{own} Test{mark}"
    if any(isinstance(each, Country) for column in columns for each in _scalars(column.lens)):
        return ("DE", "FR", "GB")[number % 3]
    if any(column.type.upper_case or "upper case" in (column.lens.lossy or "") for column in columns):
        return f"SA{mark}{own}"[:longest]
    return _filled(f"SA {mark} {own} ", longest)


def _filled(begin: str, longest: int) -> str:
    """As long as both sides can hold, so that what is cut on the way is seen. No blank stands at its end."""
    wanted = min(longest, 250)
    text = (begin + _FILLER * (wanted // len(_FILLER) + 1))[:wanted]
    return text if text[-1] != " " else f"{text[:-1]}x"


def _barcode(number: int) -> str:
    """A GTIN-13 of the range for use within a company (prefix 2), with its check digit."""
    digits = f"2{number % 10**11:011d}"
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _among(paths: Iterable[str], words: Collection[str]) -> bool:
    return any(word in path.rpartition(".")[2] for path in paths for word in words)
