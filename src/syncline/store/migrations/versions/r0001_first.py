"""The first schema. Frozen: what changes later is a revision of its own.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from syncline.store.columns import Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("id", Text(), nullable=False),
        sa.Column("record", Text(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", "id", name="pk_arrivals"),
    )
    op.create_index("ix_arrivals_flow_due_side_id", "arrivals", ["flow", "due", "side", "id"], unique=False)
    op.create_table(
        "facts",
        sa.Column("name", Text(), nullable=False),
        sa.Column("text", Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "intents",
        sa.Column("id", Text(), nullable=False),
        sa.Column("flow", Text(), nullable=False),
        sa.Column("link", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("record", Text(), nullable=True),
        sa.Column("write", Text(), nullable=False),
        sa.Column("values", Text(), nullable=False),
        sa.Column("lines", Text(), nullable=True),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intents"),
    )
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("flow", Text(), nullable=False),
        sa.Column("link", Text(), nullable=True),
        sa.Column("side", Text(), nullable=True),
        sa.Column("record", Text(), nullable=True),
        sa.Column("action", Text(), nullable=False),
        sa.Column("property", Text(), nullable=True),
        sa.Column("line", Text(), nullable=True),
        sa.Column("old", Text(), nullable=True),
        sa.Column("new", Text(), nullable=True),
        sa.Column("origin", Text(), nullable=True),
        sa.Column("note", Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_journal"),
    )
    op.create_index("ix_journal_flow_at", "journal", ["flow", "at"], unique=False)
    op.create_index("ix_journal_flow_side_record", "journal", ["flow", "side", "record"], unique=False)
    op.create_index("ix_journal_link", "journal", ["link"], unique=False)
    op.create_table(
        "keys",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("id", Text(), nullable=False),
        sa.Column("name", Text(), nullable=False),
        sa.Column("value", Text(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", "id", "name", name="pk_keys"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_keys_flow_side_name_value", "keys", ["flow", "side", "name", "value"], unique=False)
    op.create_table(
        "links",
        sa.Column("id", Text(), nullable=False),
        sa.Column("flow", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_links_flow_id", "links", ["flow", "id"], unique=False)
    op.create_table(
        "parked",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("id", Text(), nullable=False),
        sa.Column("cause", Text(), nullable=False),
        sa.Column("message", Text(), nullable=False),
        sa.Column("mend", Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("details", Text(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", "id", name="pk_parked"),
    )
    op.create_table(
        "progress",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("cursor", Text(), nullable=True),
        sa.Column("listed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", name="pk_progress"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "members",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("id", Text(), nullable=False),
        sa.Column("link", Text(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["links.id"], name="fk_members_links", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("flow", "side", "id", name="pk_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_members_link_side", "members", ["link", "side"], unique=True)
    op.create_table(
        "shadows",
        sa.Column("link", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("shadow", Text(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["links.id"], name="fk_shadows_links", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("link", "side", name="pk_shadows"),
    )
    op.create_table(
        "waits",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("id", Text(), nullable=False),
        sa.Column("on_flow", Text(), nullable=False),
        sa.Column("on_side", Text(), nullable=False),
        sa.Column("on_id", Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow", "side", "id"],
            ["parked.flow", "parked.side", "parked.id"],
            name="fk_waits_parked",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("flow", "side", "id", "on_flow", "on_side", "on_id", name="pk_waits"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_waits_on_flow_on_side_on_id", "waits", ["on_flow", "on_side", "on_id"], unique=False)
