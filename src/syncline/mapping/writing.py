"""One side's rows of a flow, prepared for writing: shared values become its JSON, in the order of the agreement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct

from syncline.mapping.known import Known
from syncline.mapping.model import Column, Flow, LensError, Property
from syncline.mapping.types import CodeTable, Kind
from syncline.records import Value, Values

_NO_CODES = CodeTable({}, {})


class Sending(Struct, frozen=True, kw_only=True):
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
    """A code that its table lacks, and that is to be created there."""


class _Cell(NamedTuple):
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
        self._cells = [
            _Cell(p, p.columns[side], tuple(tuple(path.split(".")) for path in p.columns[side].paths))
            for p in properties
            if side in p.targets
        ]
        named = {path: cell.property.name for cell in self._cells for path in cell.column.paths}
        self._resets = {
            cell.property.name: [named[path] for path in cell.column.type.resets if path in named]
            for cell in self._cells
            if cell.column.type.resets
        }

    def write(self, values: Values, known: Known, creating: bool, whole: Values) -> Sending:
        fields: dict[str, Any] = {}
        waits: list[str] = []
        problems: dict[str, str] = {}
        missing: list[tuple[str, str]] = []
        if creating:
            for path, value in self._constants:
                _put(fields, path, value)
        else:
            values = self._kept(values, whole)
        for p, column, paths in self._cells:
            if p.name not in values or (creating and values[p.name] is None):
                continue
            try:
                raws = self._raws(p, column, values[p.name], known, whole)
            except LensError as error:
                problems[p.name] = str(error)
            except _Waiting as wait:
                waits.append(str(wait))
            except _MissingCode as code:
                missing.append((column.table or "", str(code)))
            else:
                for path, raw in zip(paths, raws, strict=True):
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
            raise _MissingCode(code)
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


def _put(fields: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        fields = fields.setdefault(key, {})
    fields[path[-1]] = value


@lru_cache(maxsize=64)
def writer(flow: Flow, side: str) -> Writer:
    """The prepared rows of one side of a flow's header."""
    return Writer(flow.properties.values(), side, flow.sides[side].constants)


@lru_cache(maxsize=64)
def line_writer(flow: Flow, side: str) -> Writer:
    """The prepared rows inside a line of one side of a flow."""
    return Writer(flow.lines.properties.values() if flow.lines else (), side, {})
