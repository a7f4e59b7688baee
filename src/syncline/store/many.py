"""One statement for many rows, made ready once.

SQLAlchemy looks through every value of every row, which takes it longer than SQLite takes to write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, UpdateBase
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]


class _Value(NamedTuple):
    """One that the statement takes. ``kept_as`` says how it is kept; ``fixed`` is the statement's own, if no row's."""

    name: str
    kept_as: Callable[[Any], Any] | None
    fixed: Any


class _Ready(NamedTuple):
    text: str
    values: tuple[_Value, ...]
    is_positional: bool

    def parameters(self, rows: Sequence[Row]) -> Sequence[Any]:
        columns = zip(*(self._column(value, rows) for value in self.values), strict=True)
        if self.is_positional:
            return list(columns)
        names = [value.name for value in self.values]
        return [dict(zip(names, row, strict=True)) for row in columns]

    def _column(self, value: _Value, rows: Sequence[Row]) -> list[Any]:
        name, kept_as, fixed = value
        if name not in rows[0]:
            return [fixed] * len(rows)
        return [row[name] for row in rows] if kept_as is None else [kept_as(row[name]) for row in rows]


class Many:
    """A statement to be executed for many rows at once. All rows have the same names."""

    def __init__(self, statement: UpdateBase) -> None:
        self._statement = statement
        self._ready: dict[str, _Ready] = {}
        """By the name of the dialect."""

    def execute(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Nothing where there are no rows. Raises what `Connection.execute` does."""
        if not (found := list(rows)):
            return
        name = connection.dialect.name
        if name not in self._ready:
            self._ready[name] = self._prepared(connection, found[0])
        ready = self._ready[name]
        connection.exec_driver_sql(ready.text, ready.parameters(found))

    def _prepared(self, connection: Connection, row: Row) -> _Ready:
        dialect = connection.dialect
        compiled = self._statement.compile(dialect=dialect, column_keys=list(row), for_executemany=True)
        assert isinstance(compiled, SQLCompiler)
        values = []
        for name in compiled.positiontup or compiled.binds:
            bind = compiled.binds[name]
            kept_as = bind.type.dialect_impl(dialect).bind_processor(dialect)
            fixed = None if name in row else bind.effective_value
            values.append(_Value(name, kept_as, kept_as(fixed) if kept_as else fixed))
        return _Ready(str(compiled), tuple(values), compiled.positional)
