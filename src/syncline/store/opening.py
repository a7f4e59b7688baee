"""From an address to a database of the newest schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import DBAPIError

from syncline.store.address import Address, SqliteFile
from syncline.store.database import Database, reason_of
from syncline.store.errors import StoreError
from syncline.store.schema import make, migrate, revision
from syncline.store.sqlite import Sqlite
from syncline.store.tables import REVISION

if TYPE_CHECKING:
    from syncline.store.sessions import Pools


class Upgraded(NamedTuple):
    """From which schema to which. ``copy`` is the file as it was before."""

    before: str
    after: str
    copy: Path | None


def opened(address: Address, pools: Pools | None = None) -> Database:
    """Made if there is nothing. Raises `StoreError`."""
    database = _unopened(address, pools)
    try:
        with _told(address):
            if isinstance(database, Sqlite):
                database.path.parent.mkdir(parents=True, exist_ok=True)
            with database.look() as connection:
                found = revision(connection, address)
            if found is None:
                with database.write() as connection:
                    if revision(connection, address) is None:  # another process may have made it since
                        make(connection, address)
            elif found != REVISION:
                raise StoreError(
                    f"{address.name} is of an earlier Syncline (schema {found}; this one needs {REVISION}). "
                    f"{address.saving} syncline upgrade"
                )
            if isinstance(database, Sqlite):
                database.begin_journal()  # only once it is known to be ours
    except BaseException:
        database.close()
        raise
    database.tell_losses()
    return database


def upgrade(address: Address) -> Upgraded | None:
    """Bring a store of an earlier Syncline to date; ``None`` where it is. A file is copied first.

    Raises `StoreError`, and `StoreLocked` while somebody works on it.
    """
    if isinstance(address, SqliteFile) and not address.path.is_file():
        raise StoreError(f"{address.name} is not there. The first pass makes it.")
    database = _unopened(address)
    try:
        with _told(address), database.lock("syncline upgrade"):
            with database.look() as connection:
                found = revision(connection, address)
            if found in {None, REVISION}:
                return None
            copy = _copied(database) if isinstance(database, Sqlite) else None
            with database.write() as connection:
                migrate(connection, address)
            return Upgraded(str(found), REVISION, copy)
    finally:
        database.close()


def _copied(database: Sqlite) -> Path:
    """Whole or not there at all. One of an upgrade that failed gives way: this is the same store, later."""
    path = database.path.with_name(f"{database.path.name}.before-{REVISION}")
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    database.copy_to(partial)
    return partial.replace(path)


def _unopened(address: Address, pools: Pools | None = None) -> Database:
    if isinstance(address, SqliteFile):
        return Sqlite(address)
    from syncline.store.postgres import Postgres  # late: its driver takes a moment that others need not wait

    return Postgres(address, None if pools is None else pools.of(address.url))


@contextmanager
def _told(address: Address) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        reason = reason_of(error)
        mend = " PGPASSWORD or the file ~/.pgpass gives the password." if "password" in reason else ""
        raise StoreError(f"{address.name} cannot be used as a store: {reason}.{mend}") from error
