"""Ids of SQL Server's are kept by time, so that what was made together stands together (see `syncline.store.ids`).

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"

_IDS = {
    "arrivals": ("id",),
    "members": ("id",),
    "keys": ("id",),
    "parked": ("id",),
    "waits": ("id", "on_id"),
    "intents": ("record",),
    "journal": ("record",),
    "apart": ("id", "other_id"),
}
_WAITS = ("waits", "parked", ["flow", "side", "id"], ["flow", "side", "id"])


def upgrade() -> None:
    of_postgresql = op.get_bind().dialect.name == "postgresql"
    if of_postgresql:
        op.drop_constraint("fk_waits_parked", "waits", type_="foreignkey")
    else:
        op.execute("PRAGMA defer_foreign_keys = ON")
    for table, columns in _IDS.items():
        for name in columns:
            op.execute(f"UPDATE {table} SET {name} = '~' || {name} WHERE substr({name}, 1, 1) = '~'")  # noqa: S608
            op.execute(f"UPDATE {table} SET {name} = {_by_time(name)} WHERE {_is_by_time(name)}")  # noqa: S608
    if of_postgresql:
        op.create_foreign_key("fk_waits_parked", *_WAITS, ondelete="CASCADE")


def _is_by_time(name: str) -> str:
    dashes = " AND ".join(f"substr({name}, {at}, 1) = '-'" for at in (9, 14, 19, 24))
    return f"length({name}) = 36 AND {dashes} AND substr({name}, 17, 1) = '1'"


def _by_time(name: str) -> str:
    pairs = " || ".join(f"substr({name}, {at}, 2)" for at in (17, 15, 12, 10, 7, 5, 3, 1))
    return f"'~' || {pairs} || substr({name}, 19)"
