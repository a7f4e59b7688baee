"""One cell of the table: what a flow file says of a side's column, checked against that side's types and built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from syncline.mapping.flowfile import ColumnSaid, Default, LensSaid, LensWith, MissingSaid, Place, Plain, RowSaid
from syncline.mapping.lenses import (
    Chain,
    Code,
    Constant,
    DayOfMoment,
    Invert,
    Join,
    Mapped,
    Moment,
    Number,
    Only,
    Scalar,
    Text,
    Trim,
    Truncate,
    Upper,
    native,
)
from syncline.mapping.model import Column, Lens
from syncline.mapping.places import Country, Phone
from syncline.mapping.types import Kind, PropertyType
from syncline.records import Value
from syncline.yamlfile import did_you_mean

TEXTUAL = frozenset({Kind.TEXT, Kind.ENUM, Kind.LIST})
NUMERIC = frozenset({Kind.DECIMAL, Kind.INTEGER})
_FITS = {
    "code": (TEXTUAL, "is about text"),
    "country": (TEXTUAL, "is about text"),
    "date": (frozenset({Kind.DATE, Kind.DATETIME}), "is about dates and times"),
    "decimal": (frozenset({Kind.DECIMAL}), "is about decimal numbers"),
    "invert": (frozenset({Kind.BOOLEAN}), "is about true and false"),
    "phone": (TEXTUAL, "is about text"),
    "trim": (TEXTUAL, "is about text"),
    "truncate": (TEXTUAL, "is about text"),
    "upper": (TEXTUAL, "is about text"),
}


class Cell(Struct, frozen=True, kw_only=True):
    """What a column is built from. ``said`` is the column's own word, ``row`` the row's, which holds for all columns.

    ``meaning`` is what the row's ``values`` say of this side: the shared value of each of the side's own, with the kind
    of the shared ones.
    """

    place: Place
    side: str
    entity: str
    types: Mapping[str, PropertyType]
    said: ColumnSaid
    row: RowSaid
    meaning: Mapping[Any, Value] | None = None
    shared_kind: Kind | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.said.path,) if self.said.path is not None else tuple(self.said.paths)

    def type_of(self, path: str, place: Place) -> PropertyType | None:
        found = self.types.get(path)
        if found is None:
            place.wrong(f"{self.side} has no '{path}' in {self.entity}.", did_you_mean(path, self.types))
        return found


class Built(Struct, frozen=True):
    """A column, and the kind of its shared values."""

    column: Column
    kind: Kind


def build(cell: Cell, country_of: Callable[[str], Column | None]) -> Built | None:
    """The column, or ``None`` with its mistakes told. ``country_of`` is the same side's column of another property."""
    said, place = cell.said, cell.place
    if sum((said.path is not None, bool(said.paths), said.constant is not None)) != 1:
        place.wrong("must say one of path, paths and constant.")
        return None
    if said.constant is not None:
        return _constant(cell)
    types = [cell.type_of(path, place) for path in cell.paths]
    known = [found for found in types if found is not None]
    if len(known) < len(types):
        return None
    if said.paths:
        return _joined(cell, known)
    return _single(cell, known[0], country_of)


def _constant(cell: Cell) -> Built:
    value = plain(cell.said.constant)
    kind = Kind.BOOLEAN if isinstance(value, bool) else Kind.TEXT if isinstance(value, str) else Kind.DECIMAL
    return Built(Column(paths=(), lens=Constant(value), type=PropertyType(kind=kind, label="constant")), kind)


def _joined(cell: Cell, types: list[PropertyType]) -> Built | None:
    if any(t.kind is not Kind.TEXT for t in types):
        cell.place.wrong("several paths are joined as texts, and one of these is none.", _labels(cell.paths, types))
        return None
    if cell.said.lens or cell.row.lens or cell.said.values or cell.said.where:
        cell.place.wrong("several paths are joined by a blank, and nothing else can be done with them.")
        return None
    return Built(Column(paths=cell.paths, lens=Join(tuple(map(native, types))), type=types[0]), Kind.TEXT)


def _single(cell: Cell, declared: PropertyType, country_of: Callable[[str], Column | None]) -> Built | None:
    table, missing = _lookup(cell, declared)
    base, kind = _base(cell, declared, table)
    if base is None:
        return None
    before: list[Scalar] = []
    after: list[Scalar] = []
    phone: LensWith | None = None
    for place, agreed in _agreed(cell):
        name = agreed if isinstance(agreed, str) else _name(agreed, place)
        if name is None or not _fits(cell, name, kind, declared, place):
            return None
        told = agreed if isinstance(agreed, LensWith) else LensWith()
        _check_size(cell, told, declared, place)
        if name == "phone":
            phone = told
        elif name == "truncate":
            length = told.truncate or declared.max_length
            before += [Truncate(length)] if length else []
        elif name == "date":
            base, kind = DayOfMoment(Moment(declared.blank)) if kind is Kind.DATETIME else base, Kind.DATE
        else:
            after.append(_layer(name, told))
    layers = (*before, base, *after)
    scalar = layers[0] if len(layers) == 1 else Chain(layers)
    lens, context = _with_context(cell, scalar, phone, country_of)
    return Built(
        Column(
            paths=cell.paths,
            context=context,
            lens=lens,
            type=declared,
            table=table,
            within=cell.said.within or cell.row.within if table else None,
            missing=missing if isinstance(missing, str) else "default",
            default=plain(missing.default) if isinstance(missing, Default) else None,
        ),
        kind,
    )


# --- the side's own layer


def _base(cell: Cell, declared: PropertyType, table: str | None) -> tuple[Scalar | None, Kind]:
    """The lens nearest the side, and the kind of what it gives."""
    if cell.row.reference is not None:
        return (Text(declared.blank) if declared.kind is Kind.ID else native(declared)), Kind.ID
    if table is not None and declared.kind is Kind.ID:
        return Text(), Kind.TEXT
    if declared.kind is Kind.ID:
        cell.place.wrong(f"{cell.paths[0]} holds an id, which means nothing elsewhere.", "Say lookup or reference.")
        return None, Kind.ID
    if cell.said.values or cell.said.default is not None:
        return _column_values(cell, declared)
    if cell.meaning is not None:
        kind = cell.shared_kind or Kind.TEXT
        raws: dict[Value, Any] = {}
        for raw, value in cell.meaning.items():
            raws.setdefault(value, raw)
        return Mapped(shared=cell.meaning, raw=raws, blank=declared.blank), kind
    return native(declared), declared.kind


def _column_values(cell: Cell, declared: PropertyType) -> tuple[Scalar | None, Kind]:
    place = cell.place / "values"
    shared: dict[Any, Value] = {}
    for word, meaning in cell.said.values.items():
        shared[spelt(word, declared, cell.side, place / word)] = plain(meaning)
    raws: dict[Value, Any] = {}
    for raw, value in shared.items():
        raws.setdefault(value, raw)
    default = plain(cell.said.default)
    meanings = [*shared.values(), *([default] if default is not None else [])]
    return Mapped(shared=shared, raw=raws, blank=declared.blank, otherwise=default), _kind_of(meanings)


def _kind_of(values: Iterable[Value]) -> Kind:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return Kind.BOOLEAN
    return Kind.DECIMAL if kinds and kinds <= {int, Decimal} else Kind.TEXT


def spelt(word: Plain, declared: PropertyType, side: str, place: Place) -> Any:
    """A word of the file as the side holds it; a word that the side cannot hold is told as a mistake."""
    if word is None:
        return declared.blank
    text = str(word).lower() if isinstance(word, bool) else str(word)
    match declared.kind:
        case Kind.ENUM if text not in declared.members:
            place.wrong(f"{text} is no member of {side}'s {declared.label}.", did_you_mean(text, declared.members))
        case Kind.BOOLEAN:
            if text not in ("true", "false"):
                place.wrong(f"{text} is not true or false, as {side} holds it.")
            return text == "true"
        case Kind.INTEGER | Kind.DECIMAL:
            try:
                number = Decimal(text)
            except InvalidOperation:
                place.wrong(f"{text} is not a number, as {side} holds it.")
                return None
            return int(number) if declared.kind is Kind.INTEGER else number
        case Kind.TEXT if declared.max_length and len(text) > declared.max_length:
            place.wrong(
                f"{text} is longer than {side}'s {declared.label}.", f"It holds {declared.max_length} characters."
            )
    return text.upper() if declared.upper_case else text


def plain(word: Plain) -> Value:
    """A value of the file in the shared shape, which knows no binary fractions."""
    if isinstance(word, float):
        return Decimal(str(word))
    return word if word != "" else None


# --- what was agreed


def _agreed(cell: Cell) -> Iterable[tuple[Place, str | LensWith]]:
    """The named lenses, the column's own first: it stands nearer the side than the row's."""
    row = Place(cell.place.document, cell.place.at[:-1], cell.place.mistakes)
    for place, said in ((cell.place / "lens", cell.said.lens), (row / "lens", cell.row.lens)):
        for lens in _each(said):
            yield place, lens


def _each(said: LensSaid | None) -> Iterable[str | LensWith]:
    if said is None:
        return []
    return said if isinstance(said, list) else [said]


def _name(lens: LensWith, place: Place) -> str | None:
    told = [name for name in ("country", "decimal", "phone", "truncate") if getattr(lens, name) is not None]
    if len(told) == 1:
        return told[0]
    place.wrong("must be one lens.", "Several stand in a list: [trim, upper].")
    return None


def _fits(cell: Cell, name: str, kind: Kind, declared: PropertyType, place: Place) -> bool:
    kinds, about = _FITS[name]
    if kind not in kinds:
        place.wrong(f"{name} {about}, and {cell.side}'s {cell.paths[0]} is {declared.label}.")
        return False
    return True


def _check_size(cell: Cell, told: LensWith, declared: PropertyType, place: Place) -> None:
    """A lens that lets through more than the side can hold is a mistake: the side would refuse it, or round it."""
    if told.truncate and declared.max_length and told.truncate > declared.max_length:
        message = f"{cell.side}'s {cell.paths[0]} holds {declared.max_length} characters, not {told.truncate}."
        (place / "truncate").wrong(message, f"Say truncate, or {{truncate: {declared.max_length}}}.")
    if told.decimal is not None and declared.decimals is not None and told.decimal > declared.decimals:
        message = f"{cell.side}'s {cell.paths[0]} keeps {declared.decimals} places, not {told.decimal}."
        (place / "decimal").wrong(message, f"Say {{decimal: {declared.decimals}}}.")


def _layer(name: str, told: LensWith) -> Scalar:
    match name:
        case "code":
            return Code()
        case "trim":
            return Trim()
        case "upper":
            return Upper()
        case "invert":
            return Invert()
        case "decimal":
            return Number(told.decimal)
        case _:
            return Country(told.country or "alpha2")


def _with_context(
    cell: Cell, scalar: Scalar, phone: LensWith | None, country_of: Callable[[str], Column | None]
) -> tuple[Lens, tuple[str, ...]]:
    """The lens told what stands at other paths too: the record's country, or whether the column counts at all."""
    if cell.said.where:
        where = {path: allowed(cell, path, said) for path, said in cell.said.where.items()}
        return Only(scalar, where), tuple(where)
    if phone is None:
        return scalar, ()
    country = country_of(phone.phone) if phone.phone else None
    return Phone(scalar, country.lens if country else None), country.paths if country else ()


def allowed(cell: Cell, path: str, said: Plain | list[Plain]) -> tuple[Any, ...]:
    """The values of a ``where``, as the side spells them."""
    place = cell.place / "where" / path
    declared = cell.type_of(path, place)
    if declared is None:
        return ()
    return tuple(spelt(word, declared, cell.side, place) for word in (said if isinstance(said, list) else [said]))


def _lookup(cell: Cell, declared: PropertyType) -> tuple[str | None, MissingSaid]:
    """The code table of this column. What the row says holds for the columns that hold ids."""
    missing = cell.said.missing or cell.row.missing or "park"
    if cell.said.lookup is not None:
        return cell.said.lookup, missing
    return (cell.row.lookup, missing) if declared.kind is Kind.ID else (None, "park")


def _labels(paths: Iterable[str], types: Iterable[PropertyType]) -> str:
    return ", ".join(f"{path} is {t.label}" for path, t in zip(paths, types, strict=True)) + "."
