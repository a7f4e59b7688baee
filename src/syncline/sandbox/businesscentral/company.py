"""The data: one SQLite file with the companies, and the few ways in which rules read and change a company's rows."""

# Names of tables and columns come from the metadata, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

import base64
import itertools
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import msgspec
from msgspec import Struct

from syncline.connectors.businesscentral.metadata import EntitySet, entity_sets
from syncline.sandbox.businesscentral import schema
from syncline.sandbox.businesscentral.errors import ApiError
from syncline.sandbox.businesscentral.ids import system_ids
from syncline.sandbox.businesscentral.names import broken_down
from syncline.sandbox.businesscentral.values import Stored, blank, folded, moment
from syncline.sandbox.clock import Clock

Row: TypeAlias = dict[str, Any]
"""A record as it is stored (see `values`), with ``_row`` and ``_etag``."""

MEMORY: Literal[":memory:"] = ":memory:"
LOCAL_CURRENCY = "EUR"
_SCHEMA_VERSION = 2

sqlite3.register_converter("RAW", msgspec.Raw)


class Unusable(Exception):
    """The data file is no data of this sandbox, cannot be opened, or is in use by another one."""


class Company(Struct, frozen=True):
    """Where a company's rows are, and what it is called."""

    database: Database
    number: int
    id: str
    name: str
    display_name: str
    created_at: str
    local_currency: str

    def table(self, entity_set: str) -> str:
        return f'"{self.number}${entity_set}"'

    def find(self, entity_set: str, **equal: Stored) -> Row | None:
        """The first record that holds these values."""
        return next(self._read(entity_set, equal, "_row"), None)

    def exists(self, entity_set: str, **equal: Stored) -> bool:
        where = " AND ".join(f'"{name}" = ?' for name in equal)
        asked = f"SELECT 1 FROM {self.table(entity_set)} WHERE {where} LIMIT 1"
        return self.database.execute(asked, tuple(equal.values())).fetchone() is not None

    def all(self, entity_set: str, **equal: Stored) -> Iterator[Row]:
        """Every record that holds these values, read at once so that it may be changed meanwhile."""
        return self._read(entity_set, equal, "_row")

    def insert(self, entity_set: str, row: Row) -> None:
        """Add a record that has all its properties; it gets its version and time here."""
        self._stamp(entity_set, row)
        names = [name for name in row if name != "_row"]
        columns = ", ".join(f'"{name}"' for name in names)
        asked = f"INSERT INTO {self.table(entity_set)} ({columns}) VALUES ({', '.join('?' * len(names))})"
        with _same_key(entity_set, row):
            row["_row"] = self.database.execute(asked, [row[name] for name in names]).lastrowid

    def update(self, entity_set: str, row: Row, changes: Mapping[str, Stored]) -> None:
        """Change a record, which moves its version and time even where the values are what they were."""
        row.update(changes)
        self._stamp(entity_set, row)
        stamped = [name for name in ("_etag", "lastModifiedDateTime") if name in row]
        self._set(entity_set, row, [*changes, *stamped])

    def derive(self, entity_set: str, row: Row, changes: Mapping[str, Stored]) -> None:
        """Change what a record only shows of others (a balance): its version and time stay."""
        row.update(changes)
        self._set(entity_set, row, list(changes))

    def delete(self, entity_set: str, row: Row) -> None:
        self.database.execute(f"DELETE FROM {self.table(entity_set)} WHERE _row = ?", (row["_row"],))

    def next_number(self, series: str) -> str:
        """The next free number of a series is the caller's to check: manual numbers may have taken it."""
        table = self.table("numberSeries")
        last, step = self.database.execute(f"SELECT last, step FROM {table} WHERE name = ?", (series,)).fetchone()
        number = incremented(last, step)
        self.continue_numbers(series, number)
        return number

    def continue_numbers(self, series: str, last: str) -> None:
        """Let a series go on behind this number."""
        self.database.execute(f"UPDATE {self.table('numberSeries')} SET last = ? WHERE name = ?", (last, series))

    def allows_manual_numbers(self, series: str) -> bool:
        asked = f"SELECT manual FROM {self.table('numberSeries')} WHERE name = ?"
        return bool(self.database.execute(asked, (series,)).fetchone()[0])

    def tax_percent(self, area: str, group: str) -> Decimal:
        """Of a line, by the customer's tax area and the line's tax group; nothing set up is no tax."""
        found = self.database.execute(
            f"SELECT percent FROM {self.table('taxRates')} WHERE area = ? AND tax_group = ?", (area, group)
        ).fetchone()
        return Decimal(found[0]) if found else Decimal(0)

    def relate(self, contact: str, related_type: str, related: str) -> None:
        """Tie a contact to a customer or vendor, each named by its id."""
        self.database.execute(
            f"INSERT INTO {self.table('businessRelations')} VALUES (?, ?, ?)", (contact, related_type, related)
        )

    def related(self, **equal: str) -> Row | None:
        """A business relation by ``contactId``, or by ``relatedId`` and ``relatedType``."""
        return next(self._read("businessRelations", equal, "contactId"), None)

    def unrelate(self, **equal: str) -> None:
        where = " AND ".join(f"{name} = ?" for name in equal)
        self.database.execute(f"DELETE FROM {self.table('businessRelations')} WHERE {where}", tuple(equal.values()))

    def today(self) -> str:
        return self.database.clock.today()

    def blank_row(self, entity_set: EntitySet) -> Row:
        """A record of the set that holds nothing yet, under a new id."""
        row: Row = {name: blank(entity_set.properties[name]) for name in schema.columns(entity_set)}
        if "id" in row:
            row["id"] = next(self.database.ids)
        return row

    def _read(self, table: str, equal: Mapping[str, Stored], order: str) -> Iterator[Row]:
        where = " AND ".join(f'"{name}" = ?' for name in equal) or "1"
        asked = f'SELECT * FROM {self.table(table)} WHERE {where} ORDER BY "{order}"'
        cursor = self.database.execute(asked, tuple(equal.values()))
        names = [described[0] for described in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())

    def _stamp(self, entity_set: str, row: Row) -> None:
        row["_etag"] = self.database.new_etag()
        if "lastModifiedDateTime" in row:
            row["lastModifiedDateTime"] = self.database.stamp(row["lastModifiedDateTime"])

    def _set(self, entity_set: str, row: Row, names: list[str]) -> None:
        columns = ", ".join(f'"{name}" = ?' for name in names)
        asked = f"UPDATE {self.table(entity_set)} SET {columns} WHERE _row = ?"
        with _same_key(entity_set, row):
            self.database.execute(asked, [*(row[name] for name in names), row["_row"]])


class Database:
    """One connection to one SQLite file, used by one thread. Every write goes through `transaction`."""

    def __init__(self, data: Path | Literal[":memory:"], clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        try:
            self._connection = _connect(data)
        except sqlite3.DatabaseError as error:
            raise Unusable(str(error)) from None
        self._connection.create_function("first_name", 1, lambda name: broken_down(name).first, deterministic=True)
        self._connection.create_function("last_name", 1, lambda name: broken_down(name).last, deterministic=True)
        self.execute = self._connection.execute
        self.executemany = self._connection.executemany
        self.create_function = self._connection.create_function
        self.create_function("today", 0, self.clock.today)  # for views
        self.create_function("sandbox_now", 0, self.now)  # for triggers (see webhooks.changes)
        try:
            self._open()
            self._latest = self._last_moment()
            self._companies = {company.id: company for company in self._read_companies()}
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise Unusable(str(error)) from None
        self._versions = itertools.count(time.time_ns())
        self.ids = system_ids()
        self._depth = 0
        self._behind = 0.0

    @property
    def companies(self) -> tuple[Company, ...]:
        return tuple(self._companies.values())

    def company(self, key: str) -> Company:
        """By its id or its name. Raises `ApiError`."""
        found = self._companies.get(key.lower()) or next((c for c in self.companies if c.name == key), None)
        if found is None:
            raise ApiError(404, "Internal_CompanyNotFound", f"Cannot find company '{key}'.")
        return found

    def add_company(self, name: str, key: str | None = None) -> Company:
        """With this id, or a new one."""
        number = max((company.number for company in self.companies), default=0) + 1
        company = Company(self, number, key or str(uuid4()), name, name, self.now(), LOCAL_CURRENCY)
        self.execute(
            "INSERT INTO companies VALUES (?, ?, ?, ?, ?, ?)",
            (number, company.id, name, name, company.created_at, company.local_currency),
        )
        for statement in schema.company_tables(number):
            self.execute(statement)
        self._companies[company.id] = company
        return company

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one, all or nothing of the inner part."""
        begin, keep, undo = _TRANSACTION if self._depth == 0 else _SAVEPOINT
        self.execute(begin)
        self._depth += 1
        try:
            yield
        except BaseException:
            for statement in undo:
                self.execute(statement)
            raise
        else:
            self.execute(keep)
        finally:
            self._depth -= 1

    @contextmanager
    def bulk_transaction(self) -> Iterator[None]:
        """All or nothing of very much: written straight into the file, which a log could only double."""
        self.execute("PRAGMA journal_mode = DELETE")
        try:
            with self.transaction():
                yield
        finally:
            self.execute("PRAGMA journal_mode = WAL")

    def copy_to(self, copy: sqlite3.Connection) -> None:
        """Copy all data as it is at this moment."""
        self._connection.backup(copy)

    def copy_from(self, copy: sqlite3.Connection) -> None:
        """Replace all data by a copy of it. Raises `Unusable`, and then nothing has changed.

        Versions and moments go on from the latest that were given: what was handed out since the copy was taken
        never comes to name another state.
        """
        try:
            _check_version(copy)
        except sqlite3.DatabaseError as error:
            raise Unusable(str(error)) from None
        copy.backup(self._connection)
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log has grown by all of it
        self._companies = {company.id: company for company in self._read_companies()}

    def now(self) -> str:
        """The present moment in UTC milliseconds, never before the one given last."""
        self._latest = max(self._latest, moment(self.clock.now()))
        return self._latest

    def stamp(self, before: str) -> str:
        """The modification time of a record that had this one ``before``: now, unless the write commits late."""
        if not self._behind:
            return self.now()
        return max(before, moment(self.clock.now() - timedelta(seconds=self._behind)))

    @contextmanager
    def committing_late(self, seconds: float) -> Iterator[None]:
        """Writes are stamped so many seconds before they become visible, as those of a long transaction are."""
        self._behind = seconds
        try:
            yield
        finally:
            self._behind = 0.0

    def new_etag(self) -> str:
        return f'W/"{base64.b64encode(b"20;%d;1" % next(self._versions)).decode()}"'

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> None:
        """Raises `sqlite3.DatabaseError` where the file is none of ours."""
        self.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        self.execute("PRAGMA cache_size = -65536")
        self.execute("PRAGMA wal_autocheckpoint = 10000")
        version = self.execute("PRAGMA user_version").fetchone()[0]
        tables = self.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables == 0:
            self.execute(schema.COMPANIES)
            self.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        _check_version(self._connection)

    def _read_companies(self) -> list[Company]:
        rows = self.execute("SELECT number, id, name, display_name, created_at, local_currency FROM companies")
        return [Company(self, *row) for row in rows.fetchall()]

    def _last_moment(self) -> str:
        tables = self.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%$%'").fetchall()
        stamped = [
            f'SELECT max(lastModifiedDateTime) FROM "{name}"'
            for (name,) in tables
            if (known := entity_sets().get(name.partition("$")[2])) and "lastModifiedDateTime" in known.properties
        ]
        return max((self.execute(asked).fetchone()[0] or "" for asked in stamped), default="")


def _check_version(connection: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` where that is no data of this sandbox."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != _SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"it is a database of another kind or version ({version})")
    connection.execute("SELECT 1 FROM companies").fetchone()


def _connect(data: Path | Literal[":memory:"]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        data,
        timeout=1.0,
        isolation_level=None,
        detect_types=sqlite3.PARSE_COLNAMES,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.create_function("folded", 1, folded, deterministic=True)
    return connection


_TRANSACTION = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_SAVEPOINT = ("SAVEPOINT inner", "RELEASE inner", ("ROLLBACK TO inner", "RELEASE inner"))


def add_days(day: str, days: int) -> str:
    return date.fromordinal(date.fromisoformat(day).toordinal() + days).isoformat()


@contextmanager
def _same_key(entity_set: str, row: Row) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        said = entity_sets()[entity_set]
        named = [name for names in schema.unique_keys(said) for name in names]
        key = ", ".join(f"{name}='{row[name]}'" for name in [*named, schema.key_of(said)])
        message = f"The record in table {said.entity} already exists. Identification fields and values: {key}."
        raise ApiError(400, "Internal_EntityWithSameKeyExists", message) from None


def incremented(number: str, step: int) -> str:
    """``S-ORD1009`` plus 1 is ``S-ORD1010``: the last digits count, and keep their width."""
    digits = re.search(r"\d+$", number)
    if digits is None:
        raise ApiError(400, "Application_DialogException", f"The number {number} cannot be counted on.")
    return number[: digits.start()] + str(int(digits[0]) + step).zfill(len(digits[0]))
