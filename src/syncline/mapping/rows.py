"""The rows of a table: from what a flow file says of each to a checked `Property`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from syncline.mapping.columns import NUMERIC, TEXTUAL, Built, Cell, build, spelt
from syncline.mapping.flowfile import LensWith, Place, Prefer, ReferenceSaid, Row, Rows
from syncline.mapping.lenses import Constant, Mapped
from syncline.mapping.model import Column, Conflict, Policy, Property, Reference
from syncline.mapping.types import Kind, PropertyType
from syncline.records import Value
from syncline.yamlfile import did_you_mean

Entities: TypeAlias = dict[str, tuple[str, Mapping[str, PropertyType]]]
"""By side, the name of what holds the rows there, and its types by path. In the order of the sides."""


def build_rows(rows: Rows, entities: Entities, constants: Mapping[str, Collection[str]]) -> Mapping[str, Property]:
    """The properties by name, in the order of the file. What is wrong is told at its place and left out."""
    built: dict[str, dict[str, Built]] = {}
    for row in sorted(rows.sound, key=_asks_others):
        _check_named(row, rows.names)
        columns = {side: _column(row, side, entities, built) for side in entities if side in row.columns}
        built[row.name] = {side: column for side, column in columns.items() if column is not None}
    whole = [row for row in rows.sound if len(built[row.name]) == len(row.columns)]
    properties = {row.name: _property(row, built[row.name], list(entities)) for row in whole}
    for row in whole:
        _check(row, properties[row.name], built[row.name], entities)
        _check_scope(row, properties[row.name], rows.names, properties)
    _check_written_once(whole, properties, constants)
    return properties


def _asks_others(row: Row) -> bool:
    """A row whose lens reads another property's column is built after it."""
    return any(True for _, lens in _told_lenses(row) if lens.phone)


def _told_lenses(row: Row) -> Iterable[tuple[Place, LensWith]]:
    """The lenses of a row that are told something."""
    said = [(row.place, row.said.lens), *((row.place / side, column.lens) for side, column in row.columns.items())]
    for place, lens in said:
        for one in lens if isinstance(lens, list) else [lens]:
            if isinstance(one, LensWith):
                yield place / "lens", one


def _check_named(row: Row, names: Collection[str]) -> None:
    for place, lens in _told_lenses(row):
        if lens.phone and lens.phone not in names:
            place.wrong(f"no property is called '{lens.phone}'.", did_you_mean(lens.phone, names))


# --- columns


def _column(row: Row, side: str, entities: Entities, built: Mapping[str, Mapping[str, Built]]) -> Built | None:
    entity, types = entities[side]
    meaning, kind = _meaning(row, side, entities)
    cell = Cell(
        place=row.place / side,
        side=side,
        entity=entity,
        types=types,
        said=row.columns[side],
        row=row.said,
        meaning=meaning,
        shared_kind=kind,
    )

    def country_of(name: str) -> Column | None:
        found = built.get(name, {}).get(side)
        return found.column if found else None

    return build(cell, country_of)


def _meaning(row: Row, side: str, entities: Entities) -> tuple[Mapping[Any, Value] | None, Kind | None]:
    """What the row's ``values`` say of this side: first the spelling of the first side, which is the shared one."""
    first = next(name for name in entities if name in row.columns)
    left, right = _type(row, first, entities), _type(row, side, entities)
    if not row.said.values or left is None or right is None:
        return None, None
    place = row.place / "values"
    meaning: dict[Any, Value] = {}
    for word, spelling in row.said.values.items():
        shared = spelt(word, left, first, place / word if side == first else _quiet(place))
        raw = shared if side == first else spelt(spelling, right, side, place / word)
        meaning.setdefault(raw, shared)
    return (meaning if side != first else None), left.kind


def _quiet(place: Place) -> Place:
    """Where mistakes are not told a second time."""
    return Place(place.document, place.at, [])


def _type(row: Row, side: str, entities: Entities) -> PropertyType | None:
    return entities[side][1].get(row.columns[side].path or "")


# --- properties


def _property(row: Row, built: Mapping[str, Built], sides: list[str]) -> Property:
    said = row.said
    on = [side for side in sides if side in built]
    left, right = frozenset(on[:1]), frozenset(on[1:])
    match said.direction:
        case "->":
            sources, targets = left, right
        case "<-":
            sources, targets = right, left
        case _:  # what only one side keeps is the edit of nobody: it is just remembered
            sources = targets = frozenset(on if len(on) > 1 else ())
    kinds = [built[side].kind for side in on]
    return Property(
        name=row.name,
        kind=Kind.DECIMAL if Kind.DECIMAL in kinds else kinds[0],
        columns={side: built[side].column for side in on},
        sources=sources,
        targets=targets,
        when_create=said.when == "create",
        keep_filled=said.keep == "filled",
        conflict=_conflict(row, sources),
        reference=_reference(row, on),
    )


def _conflict(row: Row, sources: frozenset[str]) -> Conflict:
    said = row.said.conflict
    if not isinstance(said, Prefer):
        return Conflict(Policy(said))
    if said.prefer not in sources:
        message = f"{said.prefer} is no side whose edits of {row.name} count."
        (row.place / "conflict" / "prefer").wrong(message, did_you_mean(said.prefer, sources))
    return Conflict(Policy.PREFER, said.prefer)


def _reference(row: Row, on: list[str]) -> Reference | None:
    said = row.said.reference
    if said is None:
        return None
    whole = said if isinstance(said, ReferenceSaid) else ReferenceSaid(flow=said)
    for side in whole.by:
        if side not in on:
            (row.place / "reference" / "by" / side).wrong(f"{row.name} is not kept on {side}.", did_you_mean(side, on))
    return Reference(whole.flow, dict(whole.by))


# --- checks of a whole row


def _check(row: Row, p: Property, built: Mapping[str, Built], entities: Entities) -> None:
    _check_kinds(row, p, built)
    _check_values(row, p, entities)
    _check_members(row, p)
    for side in p.columns:
        if side in p.targets:
            _check_target(row, side, p.columns[side])
    if len(p.columns) == 1 and row.said.direction:
        (row.place / "direction").wrong(f"only one side keeps {p.name}, so it goes nowhere.", "Say where it goes to.")
    if row.said.lookup and not any(column.table for column in p.columns.values()):
        mend = "Say it at the one side whose code table it is."
        (row.place / "lookup").wrong("no side keeps an id here, so it is not clear whose table is meant.", mend)
    agreed = row.said.lens
    if "invert" in (agreed if isinstance(agreed, list) else [agreed]) and len(p.columns) > 1:
        (row.place / "lens").wrong(
            "invert on every side changes nothing.", "Say it at the side that means the opposite."
        )


def _check_kinds(row: Row, p: Property, built: Mapping[str, Built]) -> None:
    """Every side must come to the same kind of shared value."""
    (first, left), *others = built.items()
    for side, right in others:
        alike = left.kind is right.kind or any({left.kind, right.kind} <= group for group in (TEXTUAL, NUMERIC))
        if not alike:
            told = " and ".join(f"{s}'s {_where(p.columns[s])} is {p.columns[s].type.label}" for s in (first, side))
            row.place.wrong(f"{told}.", "Say with values or a lens how one becomes the other.")


def _where(column: Column) -> str:
    return " + ".join(column.paths) or "constant"


def _check_target(row: Row, side: str, column: Column) -> None:
    place = row.place / side
    if isinstance(column.lens, Constant):
        place.wrong("a constant cannot receive anything.", "Say with direction that it only goes from here.")
    if column.type.read_only:
        arrow = "<-" if side != next(iter(row.columns)) else "->"
        place.wrong(f"{side}'s {_where(column)} is read-only and cannot receive anything.", f"Say direction: {arrow}.")
    lens = column.lens
    if isinstance(lens, Mapped) and row.columns[side].values and lens.lossy:
        place.wrong("several of its values mean the same, so it is not clear which to send.", "Say a direction.")


def _check_values(row: Row, p: Property, entities: Entities) -> None:
    """A side whose edits count must have a meaning for each of its members, and only one."""
    if not row.said.values:
        return
    place = row.place / "values"
    first = next(iter(p.columns))
    for side, column in p.columns.items():
        declared = _type(row, side, entities)
        if declared is None or side not in p.sources:
            continue
        said = [word if side == first else spelling for word, spelling in row.said.values.items()]
        held = [spelt(word, declared, side, _quiet(place)) for word in said]
        for raw in dict.fromkeys(raw for raw in held if held.count(raw) > 1):
            place.wrong(f"{side}'s {raw} stands for several values.", "Keep one, or say a direction.")
        missing = [member for member in column.type.members if member not in held and member != column.type.blank]
        if missing:
            place.wrong(f"{side}'s {', '.join(missing)} has no meaning here.", "Add a value for each.")


def _check_members(row: Row, p: Property) -> None:
    """Without ``values``, what one side can hold the others must know."""
    if row.said.values or any(column.values or column.default is not None for column in row.columns.values()):
        return
    for source in p.sources:
        for target in p.targets - {source}:
            known, words = (p.columns[side].type for side in (target, source))
            strange = [w for w in words.members if w not in known.members and w != words.blank]
            if known.kind is Kind.ENUM and words.kind is Kind.ENUM and strange:
                mend = "Say with values which stand for each other."
                row.place.wrong(f"{source}'s {', '.join(strange)} is not known to {target}.", mend)


def _check_scope(row: Row, p: Property, names: Collection[str], properties: Mapping[str, Property]) -> None:
    for side, column in p.columns.items():
        if column.within is None:
            continue
        place = (row.place / side if row.columns[side].within else row.place) / "within"
        if column.within not in names:
            place.wrong(f"no property is called '{column.within}'.", did_you_mean(column.within, names))
        elif column.within in properties and properties[column.within].reference is None:
            place.wrong(f"{column.within} is no reference, so no code can belong to it.")


def _check_written_once(
    rows: Iterable[Row], properties: Mapping[str, Property], constants: Mapping[str, Collection[str]]
) -> None:
    """No two properties, and no constant, may write one path."""
    writers = {(side, path): "the side's constant" for side, paths in constants.items() for path in paths}
    for row in rows:
        p = properties[row.name]
        for side in p.targets:
            for path in p.columns[side].paths:
                other = writers.setdefault((side, path), p.name)
                if other != p.name:
                    message = f"{side}'s {path} is also written by {other}."
                    (row.place / side).wrong(message, "Keep one, or give one a direction.")
