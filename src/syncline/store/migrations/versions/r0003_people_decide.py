"""What people say is remembered: records kept apart, answers, wishes, properties held. The journal tells all.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

from syncline.store.columns import Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("journal", sa.Column("whole", Text(), nullable=True))
    op.create_table(
        "apart",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("id", Text(), nullable=False),
        sa.Column("other_side", Text(), nullable=False),
        sa.Column("other_id", Text(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", "id", "other_side", "other_id", name="pk_apart"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_apart_flow_other_side_other_id", "apart", ["flow", "other_side", "other_id"], unique=False)
    op.create_table(
        "answers",
        sa.Column("link", Text(), nullable=False),
        sa.Column("line", Text(), nullable=False),
        sa.Column("property", Text(), nullable=False),
        sa.Column("value", Text(), nullable=True),
        sa.Column("seen", Text(), nullable=False),
        sa.Column("note", Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["links.id"], name="fk_answers_links", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("link", "line", "property", name="pk_answers"),
    )
    op.create_table(
        "wishes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", Text(), nullable=False),
        sa.Column("flow", Text(), nullable=False),
        sa.Column("members", Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("side", Text(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_wishes"),
    )
    op.create_table(
        "holds",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("side", Text(), nullable=False),
        sa.Column("within", Text(), nullable=False),
        sa.Column("property", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("blanked", sa.Integer(), nullable=False),
        sa.Column("linked", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", "within", "property", name="pk_holds"),
        sqlite_with_rowid=False,
    )
