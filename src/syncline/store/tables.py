"""The tables. What is here is what the migrations make: a test compares them.

Only what SQLite and PostgreSQL share is used; for what each has its own words, see ``own.py``. On SQLite, tables of
short rows are kept in the order of their primary key (``without rowid``), which saves a second tree and half the size;
tables that hold payloads are not, since long rows make such a tree deep. Index by index it is said which question needs
it, because at a million links every index is paid for with each write.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    event,
    false,
    text,
    true,
)

from syncline.store.columns import Instant, Key, Payload, RecordId, Text
from syncline.store.own import OWN
from syncline.store.payloads import load_added, load_record, load_shadow, load_write

REVISION = "0008"
"""The newest migration, so that opening a store that has it needs no migration tool. What is greater is newer."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _record_key() -> tuple[Column[str], Column[str], Column[str]]:
    """A record's own name (`Ref`) as primary key."""
    return (
        Column("flow", Text, primary_key=True),
        Column("side", Text, primary_key=True),
        Column("id", RecordId, primary_key=True),
    )


facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)

progress = Table(
    "progress",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("side", Text, primary_key=True),
    Column("cursor", Text),
    Column("listed", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)

arrivals = Table(
    "arrivals",
    metadata,
    *_record_key(),
    Column("record", Payload(load_record)),
    Column("seen", Instant, nullable=False),
    Column("due", Instant),
    Column("attempts", Integer, nullable=False),
    Column("edit", Boolean, nullable=False, server_default=true()),
    # What is due, oldest first, without sorting: each page of a backfill costs a page, not the inbox.
    Index(None, "flow", "due", "side", "id"),
    # The edits among them, however long the backfill is that they must not wait for.
    Index("ix_edits_flow_due", "flow", "due", "side", "id", sqlite_where=text("edit"), postgresql_where=text("edit")),
)

links = Table(
    "links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("flow", Text, nullable=False),
    Column("state", Text, nullable=False),
    # Walks a flow's links page by page, in order.
    Index(None, "flow", "id"),
    sqlite_with_rowid=False,
)

members = Table(
    "members",
    metadata,
    *_record_key(),
    Column("link", Text, ForeignKey("links.id", ondelete="CASCADE"), nullable=False),
    # From a link to its records; unique, because a link has one record a side. From a record to its link: the key.
    Index(None, "link", "side", unique=True),
    sqlite_with_rowid=False,
)

shadows = Table(
    "shadows",
    metadata,
    Column("link", Text, ForeignKey("links.id", ondelete="CASCADE"), primary_key=True),
    Column("side", Text, primary_key=True),
    Column("shadow", Payload(load_shadow), nullable=False),
)

keys = Table(
    "keys",
    metadata,
    *_record_key(),
    Column("name", Text, primary_key=True),
    Column("value", Key, nullable=False),
    # Matching: who has this value. The primary key answers which values a record has.
    Index(None, "flow", "side", "name", "value"),
    sqlite_with_rowid=False,
)

parked = Table(
    "parked",
    metadata,
    *_record_key(),
    Column("cause", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("mend", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("details", Payload, nullable=False),
    # How many are parked for what, and the next of them, without reading what they say.
    Index(None, "cause", "flow", "since", "side", "id"),
)

waits = Table(
    "waits",
    metadata,
    *_record_key(),
    Column("on_flow", Text, primary_key=True),
    Column("on_side", Text, primary_key=True),
    Column("on_id", RecordId, primary_key=True),
    ForeignKeyConstraint(["flow", "side", "id"], ["parked.flow", "parked.side", "parked.id"], ondelete="CASCADE"),
    # Who waits for the records that were just linked, asked after every turn.
    Index(None, "on_flow", "on_side", "on_id"),
    sqlite_with_rowid=False,
)

intents = Table(
    "intents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("flow", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("record", RecordId),
    Column("write", Payload(load_write), nullable=False),
    Column("values", Payload, nullable=False),
    Column("opened", Instant, nullable=False),
    Column("added", Payload(load_added), nullable=False, server_default="[]"),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("flow", Text, nullable=False),
    Column("link", Text),
    Column("side", Text),
    Column("record", RecordId),
    Column("action", Text, nullable=False),
    Column("property", Text),
    Column("line", Text),
    Column("old", Payload),
    Column("new", Payload),
    Column("origin", Text),
    Column("note", Text, nullable=False),
    Column("whole", Payload(load_shadow)),
    Column("by", Text),
    # The history of a link, and that of a record, which may have had several links or none.
    Index(None, "link"),
    Index(None, "flow", "side", "record"),
    # When something last happened in a flow.
    Index(None, "flow", "at"),
)

apart = Table(
    "apart",
    metadata,
    # The lesser and the greater of two records of a flow that are not the same, each as (side, id).
    Column("flow", Text, primary_key=True),
    Column("side", Text, primary_key=True),
    Column("id", RecordId, primary_key=True),
    Column("other_side", Text, primary_key=True),
    Column("other_id", RecordId, primary_key=True),
    # From either of the two.
    Index(None, "flow", "other_side", "other_id"),
    sqlite_with_rowid=False,
)

answers = Table(
    "answers",
    metadata,
    Column("link", Text, ForeignKey("links.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Text, primary_key=True),  # empty for the record itself
    Column("property", Text, primary_key=True),
    Column("value", Payload),
    Column("seen", Payload, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text),
)

wishes = Table(
    "wishes",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("members", Payload, nullable=False),
    Column("at", Instant, nullable=False),
    Column("side", Text),
    Column("seen", BigInteger, nullable=False),
    Column("by", Text),
)

holds = Table(
    "holds",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("side", Text, primary_key=True),
    Column("within", Text, primary_key=True),
    Column("property", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("blanked", Integer, nullable=False),
    Column("linked", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    sqlite_with_rowid=False,
)

# --- what only people look at: kept so that no look counts or goes through a million rows

words = Table(
    "words",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("link", Text, ForeignKey("links.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("words", Text, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("links", Integer, nullable=False),
    sqlite_with_rowid=False,
)

lags = Table(
    "lags",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("writes", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),  # microseconds, as is the longest
    Column("longest", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# --- who may use the console

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),  # an argon2 hash
    Column("since", Instant, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", Text, primary_key=True),  # a hash of it: whoever reads the store cannot take its place
    Column("user", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("expires", Instant, nullable=False),
)

for _dialect, _statements in OWN.items():
    for _statement in _statements:
        _made = DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
        event.listen(metadata, "after_create", _made)
