"""All that a store remembers, from one database into another: streamed page by page, and compared by what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import BigInteger, Column, Connection, MetaData, Row, Table, delete, func, insert, select, text
from sqlalchemy.types import TypeEngine

from syncline.store.columns import Instant, Key, Payload, RecordId, Text
from syncline.store.tables import metadata, tallies

Watcher: TypeAlias = Callable[[str, int, int], None]
"""Is told the table, how many rows are done of all tables, and how many there are."""

_PAGE = 2_000
_KEPT_AS: dict[type[TypeEngine[Any]], TypeEngine[Any]] = {
    Instant: BigInteger(),
    RecordId: Text(),
    Payload: Text(),
    Key: Text(),
}


class Content(NamedTuple):
    """How many rows a table has, and the digest of them all in the order of their keys."""

    rows: int
    digest: str


def copy_tables(source: Connection, target: Connection, watched: Watcher = lambda *_: None) -> dict[str, Content]:
    """Into a database that has the tables and nothing in them. What each table held, by name."""
    sizes = {table.name: source.scalar(select(func.count()).select_from(table)) or 0 for table in _TABLES}
    done, found = 0, {}
    for table in _TABLES:
        if table.name == tallies.name:
            target.execute(delete(table))  # the links were counted as they came
        told = _Digest()
        for page in _pages(source, table):
            target.execute(insert(table), [row._asdict() for row in page])
            told.add(page)
            done += len(page)
            watched(table.name, done, sum(sizes.values()))
        if target.dialect.name == "postgresql" and "seq" in table.c:
            target.execute(_GO_ON[table.name])
        found[table.name] = told.content
    return found


def contents(connection: Connection) -> dict[str, Content]:
    """What each table holds, the same in any database that holds the same."""
    found = {}
    for table in _TABLES:
        told = _Digest()
        for page in _pages(connection, table):
            told.add(page)
        found[table.name] = told.content
    return found


def is_empty(connection: Connection) -> bool:
    return all(connection.execute(select(table).limit(1)).first() is None for table in _TABLES)


class _Digest:
    def __init__(self) -> None:
        self._rows = 0
        self._hash = sha256()

    def add(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
        self._rows += len(rows)
        self._hash.update(msgspec.json.encode([tuple(row) for row in rows])[1:-1] + b",")

    @property
    def content(self) -> Content:
        return Content(self._rows, self._hash.hexdigest())


def _pages(connection: Connection, table: Table) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    asked = select(table).order_by(*table.primary_key)
    return connection.execute(asked, execution_options={"yield_per": _PAGE}).partitions()


def _as_kept(table: Table, among: MetaData) -> Table:
    """Ids and payloads as the text that they are kept as: to copy them, nobody need understand them."""
    columns = (
        Column(column.name, _KEPT_AS.get(type(column.type), column.type), primary_key=column.primary_key)
        for column in table.columns
    )
    return Table(table.name, among, *columns)


def _tables() -> list[Table]:
    """Those that are referred to first; last what is counted from others."""
    among = MetaData()
    ordered = sorted(metadata.sorted_tables, key=lambda table: table.name == tallies.name)
    return [_as_kept(table, among) for table in ordered]


_TABLES = _tables()
_GO_ON = {
    table.name: text(
        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'seq'), max(seq)) FROM {table.name}"  # noqa: S608
    )
    for table in _TABLES
    if "seq" in table.c
}
"""So that what comes next is counted on from what was copied."""
