"""One side's rows of a flow, prepared for writing: shared values become its JSON, in the order of the agreement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from syncline.mapping.known import Known
from syncline.mapping.lenses import Scalar
from syncline.mapping.model import Column, Flow, LensError, Property, Reference
from syncline.mapping.types import CodeTable, Kind
from syncline.records import Value, Values

_NO_CODES = CodeTable({}, {})
Resolve: TypeAlias = Callable[[Value, Known, Values], tuple[Any, ...]]
"""From a shared value, and all of the record's or line's, to what stands for it."""


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
    """A row of several members, or one that needs what is known of other records or of codes."""

    name: str
    paths: tuple[tuple[str, ...], ...]
    resolve: Resolve


class Writer:
    """Writes the rows that one side receives, of a record's header or of a line.

    ``constants`` stand first in what is created.
    """

    def __init__(self, properties: Iterable[Property], side: str, constants: Mapping[str, Any]) -> None:
        self._constants = [(tuple(path.split(".")), value) for path, value in constants.items()]
        written = [p for p in properties if side in p.targets]
        self._cells = [_cell(p, p.columns[side], side) for p in written]
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
                for path, raw in zip(cell.paths, cell.resolve(value, known, whole), strict=True):
                    if raw is not None or not creating:
                        _put(fields, path, raw)
            except LensError as error:
                problems[name] = str(error)
            except _Waiting as wait:
                waits.append(str(wait))
            except _MissingCode as code:
                missing.append(code.args)
        return Sending(fields=fields, waits=tuple(waits), problems=problems, missing_codes=tuple(missing))

    def _kept(self, values: Values, whole: Values) -> Values:
        """With what the side would set anew because of what it is sent, as it is to stay."""
        reset = (name for each in values for name in self._resets.get(each, ()))
        return {name: whole[name] for name in reset if whole.get(name) is not None} | dict(values)


def _cell(p: Property, column: Column, side: str) -> _Plain | _Resolved:
    paths = tuple(tuple(path.split(".")) for path in column.paths)
    if p.reference is not None:
        return _Resolved(p.name, paths, _by_reference(p.reference, column, side))
    if column.table is not None:
        return _Resolved(p.name, paths, _by_table(column, side))
    if len(paths) == 1 and isinstance(column.lens, Scalar):
        *parents, key = paths[0]
        return _Plain(p.name, tuple(parents), key, column.lens.write)
    return _Resolved(p.name, paths, lambda value, known, whole: column.lens.put(value))


def _by_reference(reference: Reference, column: Column, side: str) -> Resolve:
    by, put = reference.by.get(side), column.lens.put

    def resolve(value: Value, known: Known, whole: Values) -> tuple[Any, ...]:
        if value is None:
            return put(None)
        link = str(value)
        held = known.members.get((link, side)) if by is None else known.keys.get((link, side, by))
        if held is None:
            raise _Waiting(link)
        return put(held)

    return resolve


def _by_table(column: Column, side: str) -> Resolve:
    """What stands for a code: its id where the side wants ids, else the code itself, once its table has it."""
    name, blank, put = column.table or "", column.type.blank, column.lens.put
    at, takes_ids = (side, name), column.type.kind is Kind.ID

    def resolve(value: Value, known: Known, whole: Values) -> tuple[Any, ...]:
        (code,) = put(value)
        if value is None or not code:
            return (blank,)
        table = known.codes.get(at, _NO_CODES)
        scope = _scope(column, side, known, whole)
        found = table.id_of(code, scope)
        if found is None and column.missing == "create":
            raise _MissingCode(name, str(code))
        if found is None and column.missing == "default":
            if column.default is None:
                return (blank,)
            (code,) = put(column.default)
            found = table.id_of(code, scope)
        if found is None:
            raise LensError(f"{code} is not in {name} of {side}")
        return (found if takes_ids else code,)

    return resolve


def _scope(column: Column, side: str, known: Known, whole: Values) -> str | None:
    """The id of the record that the code belongs to."""
    if column.within is None:
        return None
    link = whole.get(column.within)
    if link is None:
        raise LensError(f"a code of {column.table} belongs to a {column.within}, and there is none")
    held = known.members.get((str(link), side))
    if held is None:
        raise _Waiting(str(link))
    return held


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
