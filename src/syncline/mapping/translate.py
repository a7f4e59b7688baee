"""Records to rows and shared values to JSON, by a flow: the whole of the mapping as pure functions.

A line is known by its member ``id``; its version is its member ``@odata.etag`` where it has one. A system that calls
these otherwise is spelled so by its connector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from syncline.mapping.known import Known, LinkMentions, Mentions, key_ref
from syncline.mapping.model import Column, Flow, LensError, Property, Side
from syncline.mapping.reading import ABSENT, Heard, reader
from syncline.mapping.writing import Sending, line_writer, writer
from syncline.records import Fields, Line, Record, Ref, Row, Value, Values

__all__ = [
    "Known",
    "LinkMentions",
    "Mentions",
    "Sending",
    "fields",
    "held",
    "key_ref",
    "line_fields",
    "mentions",
    "mentions_values",
    "row",
    "takes_part",
]

LINE_ID = "id"
LINE_VERSION = "@odata.etag"


def row(flow: Flow, side: str, record: Record, known: Known) -> Row:
    """The record in the shared shape.

    A reference that no link answers and a value that cannot be translated are absent from the values, and told in
    ``waits`` and ``problems`` (``lines[0].unit``).
    """
    prepared = reader(flow, side)
    heard = prepared.header.read(record.fields, record.partial, known)
    lines: tuple[Line, ...] | UnsetType = UNSET
    if prepared.lines is not None:
        told = _at(record.fields, prepared.lines_at)
        if told is not ABSENT or not record.partial:
            inside = [prepared.lines.read(line, record.partial, known) for line in _objects(told)]
            lines = _lines(_objects(told), inside, heard)
    return Row(values=heard.values, lines=lines, waits=tuple(dict.fromkeys(heard.waits)), problems=heard.problems)


def _lines(told: list[Fields], inside: list[Heard], heard: Heard) -> tuple[Line, ...]:
    """The lines, with what they wait for and their problems added to the record's."""
    lines: list[Line] = []
    for at, (line, read) in enumerate(zip(told, inside, strict=True)):
        heard.waits.extend(read.waits)
        heard.problems.update({f"lines[{at}].{name}": problem for name, problem in read.problems.items()})
        if not line.get(LINE_ID):
            heard.problems[f"lines[{at}]"] = f"the line has no {LINE_ID}"
            continue
        lines.append(Line(id=str(line[LINE_ID]), version=line.get(LINE_VERSION), values=read.values))
    return tuple(lines)


def fields(flow: Flow, side: str, values: Values, known: Known, *, creating: bool) -> Sending:
    """The header's JSON for these shared values, in the order of the agreement.

    With a new record the side's constants stand first and empty values are left out, so that its defaults apply; in an
    update what is empty is spelt as the side spells it.
    """
    return writer(flow, side).write(values, known, creating, values)


def line_fields(
    flow: Flow, side: str, values: Values, known: Known, *, creating: bool, whole: Values | None = None
) -> Sending:
    """One line's JSON. ``whole`` are all its shared values, where only some are sent: a variant belongs to its item."""
    return line_writer(flow, side).write(values, known, creating, values if whole is None else whole)


def takes_part(side: Side, record: Record) -> bool:
    """Whether the record is what the side's ``where`` asks for. What a partial record does not tell is taken as met."""
    for path, allowed in side.where.items():
        told = _at(record.fields, tuple(path.split(".")))
        if told is ABSENT and record.partial:
            continue
        if (None if told is ABSENT else told) not in allowed:
            return False
    return True


def held(record: Record, path: str) -> Any:
    """What the record has there as its side tells it; ``None`` where nothing is told."""
    found = _at(record.fields, tuple(path.split(".")))
    return None if found is ABSENT else found


def mentions(flow: Flow, side: str, record: Record) -> Mentions:
    """What must be known of other records before this one can be read."""
    refs: set[Ref] = set()
    keys: set[tuple[str, str, str, Value]] = set()
    for p, objects in _pointing(flow, side, record):
        column, reference = p.columns[side], p.reference
        for held in objects:
            value = _read(column, held)
            if value is None or reference is None:
                continue
            if by := reference.by.get(side):
                keys.add((reference.flow, side, by, value))
            else:
                refs.add(Ref(reference.flow, side, str(value)))
    return Mentions(refs=frozenset(refs), keys=frozenset(keys))


def mentions_values(flow: Flow, values: Values, lines: Iterable[Values] = ()) -> LinkMentions:
    """What must be known of other links before these shared values can be sent."""
    found = list(_linked(flow.properties, values))
    if flow.lines is not None:
        found += [link for line in lines for link in _linked(flow.lines.properties, line)]
    return LinkMentions(
        links=frozenset(link for link, _ in found),
        keys=frozenset((link, side, by) for link, p in found if p.reference for side, by in p.reference.by.items()),
    )


def _linked(properties: Mapping[str, Property], values: Values) -> Iterable[tuple[str, Property]]:
    for name, p in properties.items():
        if p.reference is not None and (link := values.get(name)) is not None:
            yield str(link), p


def _pointing(flow: Flow, side: str, record: Record) -> Iterable[tuple[Property, list[Fields]]]:
    """The rows that are references on this side, each with the objects that hold it."""
    for p in flow.properties.values():
        if p.reference is not None and side in p.columns:
            yield p, [record.fields]
    if flow.lines is not None:
        lines = _objects(_at(record.fields, tuple(flow.lines.paths[side].split("."))))
        for p in flow.lines.properties.values():
            if p.reference is not None and side in p.columns:
                yield p, lines


def _read(column: Column, held: Fields) -> Value:
    raws = (_at(held, tuple(path.split("."))) for path in (*column.paths, *column.context))
    try:
        return column.lens.get(tuple(None if raw is ABSENT else raw for raw in raws))
    except LensError:
        return None  # told as the row's problem


def _objects(told: Any) -> list[Fields]:
    return [line for line in told if isinstance(line, Mapping)] if isinstance(told, list | tuple) else []


def _at(held: Fields, path: tuple[str, ...]) -> Any:
    at: Any = held
    for key in path:
        at = at.get(key, ABSENT) if isinstance(at, Mapping) else ABSENT
    return at
