"""A replica that lags: what a reader with ``Data-Access-Intent: ReadOnly`` sees is the state of some seconds ago.

While somebody wants it, every change of a row writes down how to undo it. A reader then gets the real past: all that
is younger is undone in a transaction, the request is answered, and the transaction is rolled back.
"""

# Names of tables and columns come from the database itself, never from a request; values are always quoted by SQLite.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.errors import ApiError

_LOG = """
CREATE TEMP TABLE replica_log (seq INTEGER PRIMARY KEY, passed REAL NOT NULL, undo TEXT NOT NULL);
CREATE INDEX temp.replica_log_passed ON replica_log (passed)
"""


class _Back(Exception):
    """The past was looked at: nothing of it may stay."""


class Replica:
    """Follows the database only while a lag is wanted; what is older than that was never written down."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seconds = 0.0
        self._schema = -1
        database.create_function("passed", 0, database.clock.passed)

    def follow(self, seconds: float) -> None:
        """Be able to show the state of up to so many seconds ago, if that is since now; 0 ends it."""
        if seconds and not self._seconds:
            for statement in _LOG.split(";"):
                self._database.execute(statement)
        elif self._seconds and not seconds:
            for (name,) in self._database.execute(
                "SELECT name FROM temp.sqlite_master WHERE type = 'trigger' AND name LIKE 'replica %'"
            ).fetchall():
                self._database.execute(f'DROP TRIGGER temp."{name}"')
            self._database.execute("DROP TABLE temp.replica_log")
            self._schema = -1
        self._seconds = seconds
        self.keep_up()

    def forget(self) -> None:
        """The data was replaced by other data, which what was written down does not lead back from."""
        if self._seconds:
            self._database.execute("DELETE FROM replica_log")

    def keep_up(self) -> None:
        """Follow tables that are new, and forget what is too old to be asked for."""
        if not self._seconds:
            return
        schema = self._database.execute("PRAGMA main.schema_version").fetchone()[0]
        if schema != self._schema:
            self._schema = schema
            for statement in self._triggers():
                self._database.execute(statement)
        oldest = self._database.clock.passed() - self._seconds
        self._database.execute("DELETE FROM replica_log WHERE passed < ?", (oldest,))

    @contextmanager
    def behind(self, seconds: float) -> Iterator[None]:
        """Inside, the database is as it was then. Nothing may be written there."""
        since = self._database.clock.passed() - min(seconds, self._seconds)
        asked = "SELECT undo FROM replica_log WHERE passed > ? ORDER BY seq DESC"
        undone = self._database.execute(asked, (since,)).fetchall() if self._seconds else []
        with suppress(_Back), self._database.transaction():
            for (statement,) in undone:
                self._database.execute(statement)
            yield
            raise _Back

    def _triggers(self) -> Iterator[str]:
        """One for each way to change each company's tables."""
        tables = self._database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name LIKE '%$%'")
        for (table,) in tables.fetchall():
            described = self._database.execute(f'PRAGMA main.table_info("{table}")').fetchall()
            columns = [column[1] for column in described]
            keys = [column[1] for column in described if column[5]]
            set_back = _text(f'UPDATE "{table}" SET ', *_pairs("old", columns, ", "), " WHERE ")
            undo = {
                "INSERT": _text(f'DELETE FROM "{table}" WHERE ', *_pairs("new", keys, " AND ")),
                "UPDATE": f"{set_back} || {_text(*_pairs('new', keys, ' AND '))}",
                "DELETE": _text(f'INSERT INTO "{table}" ({_list(columns)}) VALUES (', *_values(columns), ")"),
            }
            for change, statement in undo.items():
                yield (
                    f'CREATE TEMP TRIGGER IF NOT EXISTS "replica {table} {change}" AFTER {change} ON main."{table}" '
                    f"BEGIN INSERT INTO replica_log (passed, undo) VALUES (passed(), {statement}); END"
                )


def reads_replica(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request may be answered by a replica. Raises `ApiError` where it would change something there."""
    if headers.get("data-access-intent", "").strip().lower() != "readonly":
        return False
    if method not in ("GET", "HEAD"):
        message = "A request that modifies data takes no Data-Access-Intent but ReadWrite."
        raise ApiError(400, "BadRequest_InvalidOperation", message)
    return True


def _pairs(row: str, columns: list[str], between: str) -> Iterator[str | tuple[str, str]]:
    for index, column in enumerate(columns):
        yield f'{between if index else ""}"{column}" = '
        yield (row, column)


def _values(columns: list[str]) -> Iterator[str | tuple[str, str]]:
    for index, column in enumerate(columns):
        if index:
            yield ", "
        yield ("old", column)


def _text(*parts: str | tuple[str, str]) -> str:
    """The SQL that makes a statement's text: plain parts as they are, columns of a row quoted."""
    plain = (part if isinstance(part, tuple) else part.replace("'", "''") for part in parts)
    return " || ".join(f'quote({part[0]}."{part[1]}")' if isinstance(part, tuple) else f"'{part}'" for part in plain)


def _list(columns: list[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
