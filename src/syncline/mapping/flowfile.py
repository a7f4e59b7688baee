"""A flow file as people write it: its shape, and every mistake against that shape.

Sides are named freely, so a row of the table has two sorts of keys: what is said of the row (`RowSaid`), and under a
side's name where that side keeps it (`ColumnSaid`, or just its path).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar

from msgspec import Struct, field, structs

from syncline.mapping.model import Deletion
from syncline.mapping.places import CountryForm
from syncline.yamlfile import Document, FileError, KeyPath, convert, did_you_mean

T = TypeVar("T")
Plain: TypeAlias = bool | int | float | str | None
OneOrMore: TypeAlias = str | list[str]


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict: a key that is not known here is a mistake."""


class SideSaid(Said, frozen=True, kw_only=True):
    """One system's part: the entity, which of its records take part, what is always sent with a new one.

    ``title``: what people call one of these records, for the document.
    ``from``: ``all``, ``now``, or the time before which a record's last change is left alone.
    ``write: off``: the side is only read.
    """

    entity: str
    title: str = ""
    where: dict[str, Plain | list[Plain]] = {}
    constants: dict[str, Plain] = {}
    from_: str | None = field(default=None, name="from")
    write: Literal["on", "off"] = "on"


class Suggest(Said, frozen=True, kw_only=True):
    """A match that is only good enough to be suggested to a person."""

    suggest: OneOrMore


class Prefer(Said, frozen=True, kw_only=True):
    """In a conflict this side wins."""

    prefer: str


class Default(Said, frozen=True, kw_only=True):
    """A code that is used instead of one that the table lacks."""

    default: Plain


class ReferenceSaid(Said, frozen=True, kw_only=True):
    """The flow pointed to, and on which sides it is known by the value of one of its properties, not by its id."""

    flow: str
    by: dict[str, str] = {}


LensName: TypeAlias = Literal["code", "country", "date", "invert", "phone", "trim", "truncate", "upper"]


class LensWith(Said, frozen=True, kw_only=True):
    """A lens that is told something. Exactly one of these.

    ``country``: how the side spells countries. ``decimal``: places to round to. ``phone``: the property that holds the
    record's country. ``truncate``: the length to cut text to.
    """

    country: CountryForm | None = None
    decimal: int | None = None
    phone: str | None = None
    truncate: int | None = None


LensSaid: TypeAlias = LensName | LensWith | list[LensName | LensWith]
MissingSaid: TypeAlias = Literal["park", "create"] | Default


class ColumnSaid(Said, frozen=True, kw_only=True):
    """Where one side keeps the property: one ``path``, several ``paths``, or none and a ``constant``.

    ``values`` says what the side's own spellings mean, ``default`` what all others mean. ``where`` limits the column to
    records that hold these values at other paths.
    """

    path: str | None = None
    paths: list[str] = []
    constant: Plain = None
    lens: LensSaid | None = None
    values: dict[str, Plain] = {}
    default: Plain = None
    lookup: str | None = None
    within: str | None = None
    missing: MissingSaid | None = None
    where: dict[str, Plain | list[Plain]] = {}


class RowSaid(Said, frozen=True, kw_only=True):
    """What is said of a row as a whole; see docs/flows.md."""

    direction: Literal["->", "<-"] | None = None
    when: Literal["create"] | None = None
    keep: Literal["filled"] | None = None
    lens: LensSaid | None = None
    values: dict[str, Plain] = {}
    lookup: str | None = None
    within: str | None = None
    missing: MissingSaid | None = None
    reference: str | ReferenceSaid | None = None
    conflict: Literal["latest", "ask"] | Prefer = "latest"


ROW_KEYS = frozenset(key.encode_name for key in structs.fields(RowSaid))


class LinesSaid(Said, frozen=True, kw_only=True):
    """The keyed collection. Under each side's name is the property that holds it there."""

    properties: dict[str, dict[str, Any]]


class FileSaid(Said, frozen=True, kw_only=True):
    """A whole flow file. The rows and the lines are read on their own: their keys depend on the sides."""

    flow: str
    sides: dict[str, SideSaid]
    from_: str | None = field(default=None, name="from")
    match: list[OneOrMore | Suggest] = []
    delete: Deletion = Deletion.ASK
    properties: dict[str, Any]
    lines: dict[str, Any] | None = None


class Place(Struct, frozen=True):
    """A place in the file, where mistakes can be told."""

    document: Document
    at: KeyPath
    mistakes: list[FileError]

    def __truediv__(self, key: str) -> Place:
        return Place(self.document, (*self.at, key), self.mistakes)

    def wrong(self, message: str, mend: str = "") -> None:
        self.mistakes.append(self.document.error(self.at, message, mend))


class Row(Struct, frozen=True, kw_only=True):
    """A row that has been read: where it stands, what is said of it, and its columns by side."""

    name: str
    place: Place
    said: RowSaid
    columns: Mapping[str, ColumnSaid]


class Rows(Struct, frozen=True, kw_only=True):
    """The rows that have been read, and the names of all, those with mistakes too."""

    sound: tuple[Row, ...]
    names: tuple[str, ...]


class Lines(Struct, frozen=True, kw_only=True):
    """The keyed collection that has been read."""

    paths: Mapping[str, str]
    rows: Rows


class Shape(Struct, frozen=True, kw_only=True):
    """A flow file that has been read."""

    said: FileSaid
    rows: Rows
    lines: Lines | None = None


def read_shape(file: Place) -> Shape | None:
    """What the file says. Mistakes do not hide each other: what is wrong is told, left out, and the rest read on."""
    said = _convert(file, file.document.data, FileSaid)
    if said is None:
        return None
    sides = list(said.sides)
    for side in ROW_KEYS.intersection(sides):
        (file / "sides" / side).wrong(f"{side} is a word of its own in a row.", "Name the side otherwise.")
    lines = _lines(file / "lines", said.lines, sides) if said.lines is not None else None
    return Shape(said=said, rows=_rows(file / "properties", said.properties, sides), lines=lines)


def _lines(place: Place, data: dict[str, Any], sides: list[str]) -> Lines | None:
    paths = {side: data[side] for side in sides if isinstance(data.get(side), str)}
    for side in sides:
        if side not in paths:
            (place / side).wrong(f"must say which property holds the lines at {side}.")
    said = _convert(place, {key: value for key, value in data.items() if key not in sides}, LinesSaid)
    return Lines(paths=paths, rows=_rows(place / "properties", said.properties, sides)) if said else None


def _rows(place: Place, data: Mapping[str, Any], sides: list[str]) -> Rows:
    rows = (_row(place / name, name, row, sides) for name, row in data.items())
    return Rows(sound=tuple(row for row in rows if row is not None), names=tuple(data))


def _row(place: Place, name: str, data: Any, sides: list[str]) -> Row | None:
    """A row without a mistake in its shape: what else may be wrong with another cannot be told from it."""
    before = len(place.mistakes)
    if not isinstance(data, dict):
        place.wrong(f"must say where each side keeps {name}.", f"Sides: {', '.join(sides)}.")
        return None
    for key in data:
        if key not in ROW_KEYS and key not in sides:
            (place / key).wrong("is neither a side nor a key known here.", did_you_mean(key, ROW_KEYS.union(sides)))
    said = _convert(place, {key: value for key, value in data.items() if key in ROW_KEYS}, RowSaid)
    on = [side for side in sides if side in data]
    columns: dict[str, ColumnSaid] = {}
    for side in on:
        held = {"path": data[side]} if isinstance(data[side], str) else data[side]
        if column := _convert(place / side, held, ColumnSaid):
            columns[side] = column
    if not on:
        place.wrong("stands on no side.", f"Say where {' or '.join(sides)} keeps it.")
    if said is None or len(place.mistakes) > before:
        return None
    return Row(name=name, place=place, said=said, columns=columns)


def _convert(place: Place, data: Any, kind: type[T]) -> T | None:
    """A part of the document as a checked value, less what is wrong in it; ``None`` where too little is left."""
    left_out: set[KeyPath] = set()
    while True:
        try:
            return convert(Document(place.document.file, data, {}), kind)
        except FileError as error:
            missing = error.message.removesuffix(" is missing.")
            if missing == error.message or (*error.path, missing) not in left_out:
                at = (*place.at, *error.path)
                place.mistakes.append(place.document.error(at, error.message, error.mend))
            rest = _without(data, error.path)
            if rest is data or missing != error.message:
                return None
            left_out.add(error.path)
            data = rest


def _without(data: Any, path: KeyPath) -> Any:
    """The data less what stands at a path; the very same data where nothing can be left out."""
    if not path or not isinstance(data, dict) or path[0] not in data:
        return data
    head, inner = str(path[0]), _without(data[path[0]], path[1:])
    if inner is data[head]:
        return {key: value for key, value in data.items() if key != head}
    return data | {head: inner}
