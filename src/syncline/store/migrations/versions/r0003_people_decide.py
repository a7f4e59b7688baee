"""What people say is remembered: records kept apart, answers, wishes, properties held. The journal tells all.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("journal", sa.Column("whole", sa.Text(), nullable=True))
    op.create_table(
        "apart",
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("other_side", sa.Text(), nullable=False),
        sa.Column("other_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", "id", "other_side", "other_id", name="pk_apart"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_apart_flow_other_side_other_id", "apart", ["flow", "other_side", "other_id"], unique=False)
    op.create_table(
        "answers",
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("property", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["links.id"], name="fk_answers_links", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("link", "line", "property", name="pk_answers"),
    )
    op.create_table(
        "wishes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_wishes"),
    )
    op.create_table(
        "holds",
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("within", sa.Text(), nullable=False),
        sa.Column("property", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("blanked", sa.Integer(), nullable=False),
        sa.Column("linked", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "side", "within", "property", name="pk_holds"),
        sqlite_with_rowid=False,
    )
