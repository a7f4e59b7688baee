"""One side's rows of a flow, prepared for reading: paths are split once, and each record is walked once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from syncline.mapping.known import Known, key_ref
from syncline.mapping.lenses import Scalar
from syncline.mapping.model import Column, Flow, LensError, Property, Reference
from syncline.mapping.types import CodeTable, Kind
from syncline.records import Fields, Ref, Value

ABSENT: Any = object()
Resolve: TypeAlias = Callable[[tuple[Any, ...], Known], Value]


class Waiting(Exception):
    """A reference that no link answers yet."""

    def __init__(self, ref: Ref) -> None:
        super().__init__(str(ref))
        self.ref = ref


class _Empty(dict[str, Any]):
    """An object that was told to be empty: every member of it is ``None``."""

    def get(self, key: str, default: Any = None) -> Any:
        return None


_EMPTY = _Empty()


class _Plain(NamedTuple):
    """A row that one member of one object tells by itself: nearly all of them."""

    name: str
    object: int
    key: str
    read: Callable[[Any], Value]


class _Resolved(NamedTuple):
    """A row of several members, or one that needs what is known of other records."""

    name: str
    members: tuple[tuple[int, str], ...]
    resolve: Resolve


class Heard(Struct, frozen=True, gc=False):
    """What was read. ``waits`` and ``problems`` as in `syncline.records.Row`."""

    values: dict[str, Value]
    waits: list[Ref]
    problems: dict[str, str]


class Reader:
    """Reads the rows of one side, of a record's header or of a line."""

    def __init__(self, properties: Iterable[Property], side: str) -> None:
        self._objects: dict[tuple[str, ...], int] = {}
        self._side = side
        self._cells = [self._cell(p, p.columns[side]) for p in properties if side in p.columns]

    def read(self, fields: Fields, partial: bool, known: Known) -> Heard:
        objects = [fields if not path else _object(fields, path) for path in self._objects]
        values: dict[str, Value] = {}
        waits: list[Ref] = []
        problems: dict[str, str] = {}
        for cell in self._cells:
            try:
                if isinstance(cell, _Plain):
                    name, at, key, read = cell
                    raw = objects[at].get(key, ABSENT)
                    if raw is not ABSENT:
                        values[name] = read(raw)
                    elif not partial:
                        values[name] = read(None)
                else:
                    name, members, resolve = cell
                    raws = tuple([objects[at].get(key, ABSENT) for at, key in members])
                    if ABSENT not in raws:
                        values[name] = resolve(raws, known)
                    elif not partial:
                        values[name] = resolve(tuple([None if raw is ABSENT else raw for raw in raws]), known)
            except LensError as error:
                problems[name] = str(error)
            except Waiting as wait:
                waits.append(wait.ref)
        return Heard(values, waits, problems)

    def _cell(self, p: Property, column: Column) -> _Plain | _Resolved:
        members = tuple(self._member(path) for path in (*column.paths, *column.context))
        if p.reference is not None:
            return _Resolved(p.name, members, _by_reference(p.reference, column, self._side))
        if column.table is not None and column.type.kind is Kind.ID:
            return _Resolved(p.name, members, _by_table(column, self._side))
        if len(members) == 1:
            lens = column.lens
            read = lens.read if isinstance(lens, Scalar) else lambda raw: lens.get((raw,))
            return _Plain(p.name, *members[0], read)
        return _Resolved(p.name, members, lambda raws, known: column.lens.get(raws))

    def _member(self, path: str) -> tuple[int, str]:
        *parents, key = path.split(".")
        return self._objects.setdefault(tuple(parents), len(self._objects)), key


def _object(fields: Fields, path: tuple[str, ...]) -> Mapping[str, Any]:
    at: Any = fields
    for key in path:
        at = at.get(key, ABSENT)
        if at is ABSENT:
            return {}
        if at is None:
            return _EMPTY
        if not isinstance(at, Mapping):
            return {}
    result: Mapping[str, Any] = at
    return result


def _by_reference(reference: Reference, column: Column, side: str) -> Resolve:
    flow, by = reference.flow, reference.by.get(side)

    def resolve(raws: tuple[Any, ...], known: Known) -> Value:
        value = column.lens.get(raws)
        if value is None:
            return None
        ref = Ref(flow, side, str(value)) if by is None else key_ref(flow, side, by, value)
        link = known.links.get(ref) if by is None else known.by_key.get((flow, side, by, value))
        if link is None:
            raise Waiting(ref)
        return link

    return resolve


def _by_table(column: Column, side: str) -> Resolve:
    at, name, blank = (side, column.table or ""), column.table, column.type.blank
    empty = CodeTable({}, {})

    def resolve(raws: tuple[Any, ...], known: Known) -> Value:
        raw = raws[0]
        if not raw or raw == blank:
            return None
        code = known.codes.get(at, empty).code_of(raw)
        if code is None:
            raise LensError(f"{raw} is not in {name} of {side}")
        return column.lens.get((code,))

    return resolve


class FlowReader(NamedTuple):
    header: Reader
    lines: Reader | None
    lines_at: tuple[str, ...]


@lru_cache(maxsize=64)
def reader(flow: Flow, side: str) -> FlowReader:
    """The prepared rows of one side of a flow."""
    header = Reader(flow.properties.values(), side)
    if flow.lines is None:
        return FlowReader(header, None, ())
    return FlowReader(header, Reader(flow.lines.properties.values(), side), tuple(flow.lines.paths[side].split(".")))
