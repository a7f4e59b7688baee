"""All that a database says of its schema: tables, columns, indexes, constraints, triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from syncline.store.address import PostgresSchema, SqliteFile, parse
from syncline.store.database import Database
from syncline.store.postgres import Postgres
from syncline.store.schema import VERSION_TABLE
from syncline.store.sqlite import Sqlite

_SQLITE = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
_POSTGRESQL = """
    SELECT c.relname || '.' || a.attname,
           format_type(a.atttypid, a.atttypmod) || ' ' || coalesce(l.collname, '') || ' ' || a.attnotnull
           || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
    UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace
    UNION ALL SELECT t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
    UNION ALL SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""


@contextmanager
def plain(url: str) -> Iterator[Database]:
    """The database, of whatever schema it is."""
    address = parse(url)
    if isinstance(address, SqliteFile):
        address.path.parent.mkdir(exist_ok=True)
    database = Sqlite(address) if isinstance(address, SqliteFile) else Postgres(address)
    try:
        yield database
    finally:
        database.close()


def catalog(url: str) -> dict[str, str]:
    """By name; without the table of the version, and without the schema's own name."""
    with plain(url) as database, database.look() as connection:
        address = database.address
        asked, name = (_POSTGRESQL, address.schema) if isinstance(address, PostgresSchema) else (_SQLITE, "")
        rows = connection.execute(text(asked)).all()
    return {
        row[0]: " ".join((row[1].replace(name, "") if name else row[1]).split())
        for row in rows
        if VERSION_TABLE not in row[0]
    }
