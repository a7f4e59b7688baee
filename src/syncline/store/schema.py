"""Which schema a database has, and how it comes by the newest."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, text
from sqlalchemy.schema import CreateSchema

from syncline.store.address import Address, PostgresSchema
from syncline.store.errors import StoreError
from syncline.store.tables import REVISION, metadata

VERSION_TABLE = "syncline_version"
"""Named for us, so that another program's database is told from ours."""

_MIGRATIONS = Path(__file__).with_name("migrations")


def revision(connection: Connection, address: Address) -> str | None:
    """``None`` of an empty database. Raises `StoreError` where it is none of ours, or of a newer Syncline."""
    schema = address.schema if isinstance(address, PostgresSchema) else None
    if not inspect(connection).has_table(VERSION_TABLE, schema):
        if inspect(connection).get_table_names(schema):
            raise StoreError(f"{address.name} is another program's database. Name another {address.unit}.")
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    if found is not None and str(found) > REVISION:
        raise StoreError(f"{address.name} was written by a newer Syncline (schema {found}). Install that one.")
    return None if found is None else str(found)


def make(connection: Connection, address: Address) -> None:
    """What all migrations make of an empty database, at once, and without a migration tool. Within the caller's
    transaction.
    """
    if isinstance(address, PostgresSchema):
        _ensure(connection, address)
    metadata.create_all(connection, checkfirst=False)
    of_alembic = MetaData()
    version = Table(
        VERSION_TABLE,
        of_alembic,
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
    )
    of_alembic.create_all(connection, checkfirst=False)
    connection.execute(insert(version).values(version_num=REVISION))


def migrate(connection: Connection, address: Address, to: str = REVISION) -> None:
    """Within the caller's transaction: all of it or nothing."""
    from alembic import command
    from alembic.config import Config

    if isinstance(address, PostgresSchema):
        _ensure(connection, address)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, to)


def _ensure(connection: Connection, address: PostgresSchema) -> None:
    """The schema is there, and may be used."""
    if not inspect(connection).has_schema(address.schema):
        connection.execute(CreateSchema(address.schema))
    if connection.scalar(text("SELECT current_schema()")) is None:
        mend = f"An administrator lets it: ALTER SCHEMA {address.schema} OWNER TO that user."
        raise StoreError(f"{address.name} cannot be used as a store: its user may not use the schema. {mend}")
