"""Records kept by the thousand: whole rows in, without the rules that one record goes through."""

# Names of tables and columns come from the metadata, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from syncline.sandbox.businesscentral.company import Company, Row


def insert(company: Company, entity_set: str, rows: Sequence[Row]) -> None:
    """Add records as they are, versions and times with them. All hold the same names in the same order."""
    if not rows:
        return
    columns = ", ".join(f'"{name}"' for name in rows[0])
    asked = f"INSERT INTO {company.table(entity_set)} ({columns}) VALUES ({', '.join('?' * len(rows[0]))})"
    company.database.executemany(asked, [tuple(row.values()) for row in rows])


@contextmanager
def indexed_afterwards(company: Company, tables: Sequence[str]) -> Iterator[None]:
    """Rows are added to these tables without their indexes, which are made once all rows are there."""
    database = company.database
    made: list[tuple[str, str]] = []
    for table in tables:
        found = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?",
            (company.table(table).strip('"'),),
        )
        made += found.fetchall()
    for name, _ in made:
        database.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in made:
        database.execute(statement)
