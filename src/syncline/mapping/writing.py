"""One side's rows of a flow, prepared for writing: shared values become its JSON, in the order of the agreement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct

from syncline.mapping.known import Known
from syncline.mapping.lenses import Scalar
from syncline.mapping.model import Column, Flow, LensError, Property
from syncline.mapping.types import CodeTable, Kind
from syncline.records import Value, Values

_NO_CODES = CodeTable({}, {})


class Sending(Struct, frozen=True, kw_only=True, gc=False):
    """What one side is to be sent.

    ``waits`` are the links that have no record (or not the value they are known by) on this side yet; ``problems`` what
    cannot be sent, by property; ``missing_codes`` the (table, code) that the agreement says to create first. Only with
    all three empty is ``fields`` all there is to send.
    """

    fields: dict[str, Any]
    waits: tuple[str, ...] = ()
    problems: Mapping[str, str] = {}
    missing_codes: tuple[tuple[str, str], ...] = ()


class _Waiting(Exception):
    """The link that is waited for."""


class _MissingCode(Exception):
    """The table and the code that it lacks, and that is to be created there."""


class _Plain(NamedTuple):
    """A row that goes to one member by itself: nearly all of them."""

    name: str
    parents: tuple[str, ...]
    key: str
    write: Callable[[Value], Any]


class _Resolved(NamedTuple):
    """A row of several members, or one that needs what is known of other records."""

    name: str
    property: Property
    column: Column
    paths: tuple[tuple[str, ...], ...]


class Writer:
    """Writes the rows that one side receives, of a record's header or of a line.

    ``constants`` stand first in what is created.
    """

    def __init__(self, properties: Iterable[Property], side: str, constants: Mapping[str, Any]) -> None:
        self._side = side
        self._constants = [(tuple(path.split(".")), value) for path, value in constants.items()]
        written = [p for p in properties if side in p.targets]
        self._cells = [_cell(p, p.columns[side]) for p in written]
        named = {path: p.name for p in written for path in p.columns[side].paths}
        self._resets = {
            p.name: [named[path] for path in p.columns[side].type.resets if path in named]
            for p in written
            if p.columns[side].type.resets
        }

    def write(self, values: Values, known: Known, creating: bool, whole: Values) -> Sending:
        fields: dict[str, Any] = {}
        waits: list[str] = []
        problems: dict[str, str] = {}
        missing: list[tuple[str, str]] = []
        if creating:
            for path, constant in self._constants:
                _put(fields, path, constant)
        else:
            values = self._kept(values, whole)
        for cell in self._cells:
            name = cell[0]
            if name not in values or ((value := values[name]) is None and creating):
                continue
            try:
                if isinstance(cell, _Plain):
                    _, parents, key, write = cell
                    if (raw := write(value)) is not None or not creating:
                        (_inside(fields, parents) if parents else fields)[key] = raw
                    continue
                raws = self._raws(cell.property, cell.column, value, known, whole)
            except LensError as error:
                problems[name] = str(error)
            except _Waiting as wait:
                waits.append(str(wait))
            except _MissingCode as code:
                missing.append(code.args)
            else:
                for path, raw in zip(cell.paths, raws, strict=True):
                    if raw is not None or not creating:
                        _put(fields, path, raw)
        return Sending(fields=fields, waits=tuple(waits), problems=problems, missing_codes=tuple(missing))

    def _kept(self, values: Values, whole: Values) -> Values:
        """With what the side would set anew because of what it is sent, as it is to stay."""
        reset = (name for each in values for name in self._resets.get(each, ()))
        return {name: whole[name] for name in reset if whole.get(name) is not None} | dict(values)

    def _raws(self, p: Property, column: Column, value: Value, known: Known, whole: Values) -> tuple[Any, ...]:
        if p.reference is not None and value is not None:
            by = p.reference.by.get(self._side)
            link = str(value)
            held = known.members.get((link, self._side)) if by is None else known.keys.get((link, self._side, by))
            if held is None:
                raise _Waiting(link)
            return column.lens.put(held)
        raws = column.lens.put(value)
        if column.table is None:
            return raws
        return (self._coded(column, value, raws[0], known, whole),)

    def _coded(self, column: Column, value: Value, code: Any, known: Known, whole: Values) -> Any:
        """What stands for a code: its id where the side wants ids, else the code itself, once its table has it."""
        blank = column.type.blank
        if value is None or not code:
            return blank
        table = known.codes.get((self._side, column.table or ""), _NO_CODES)
        scope = self._scope(column, known, whole)
        found = table.id_of(code, scope)
        if found is None and column.missing == "create":
            raise _MissingCode(column.table or "", str(code))
        if found is None and column.missing == "default":
            if column.default is None:
                return blank
            (code,) = column.lens.put(column.default)
            found = table.id_of(code, scope)
        if found is None:
            raise LensError(f"{code} is not in {column.table} of {self._side}")
        return found if column.type.kind is Kind.ID else code

    def _scope(self, column: Column, known: Known, whole: Values) -> str | None:
        """The id of the record that the code belongs to."""
        if column.within is None:
            return None
        link = whole.get(column.within)
        if link is None:
            raise LensError(f"a code of {column.table} belongs to a {column.within}, and there is none")
        held = known.members.get((str(link), self._side))
        if held is None:
            raise _Waiting(str(link))
        return held


def _cell(p: Property, column: Column) -> _Plain | _Resolved:
    paths = tuple(tuple(path.split(".")) for path in column.paths)
    if p.reference is None and column.table is None and len(paths) == 1 and isinstance(column.lens, Scalar):
        *parents, key = paths[0]
        return _Plain(p.name, tuple(parents), key, column.lens.write)
    return _Resolved(p.name, p, column, paths)


def _put(fields: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    _inside(fields, path[:-1])[path[-1]] = value


def _inside(fields: dict[str, Any], parents: tuple[str, ...]) -> dict[str, Any]:
    for parent in parents:
        fields = fields.setdefault(parent, {})
    return fields


@lru_cache(maxsize=64)
def writer(flow: Flow, side: str) -> Writer:
    """The prepared rows of one side of a flow's header."""
    return Writer(flow.properties.values(), side, flow.sides[side].constants)


@lru_cache(maxsize=64)
def line_writer(flow: Flow, side: str) -> Writer:
    """The prepared rows inside a line of one side of a flow."""
    return Writer(flow.lines.properties.values() if flow.lines else (), side, {})
