"""What people look at in the console: words to find links by, how many links there are, lag by the hour; its users.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

from syncline.store.columns import Text
from syncline.store.own import OWN
from syncline.store.words import index

revision = "0005"
down_revision = "0004"

_PAGE = 5_000


def upgrade() -> None:
    op.create_table(
        "words",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("link", Text(), nullable=False),
        sa.Column("words", Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_words"),
        sa.UniqueConstraint("link"),
        sa.ForeignKeyConstraint(["link"], ["links.id"], name="fk_words_links", ondelete="CASCADE"),
    )
    op.create_table(
        "tallies",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("links", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "state", name="pk_tallies"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lags",
        sa.Column("flow", Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("writes", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("longest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "hour", name="pk_lags"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "users",
        sa.Column("name", Text(), nullable=False),
        sa.Column("role", Text(), nullable=False),
        sa.Column("password", Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "sessions",
        sa.Column("token", Text(), nullable=False),
        sa.Column("user", Text(), nullable=False),
        sa.Column("role", Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_sessions"),
    )
    op.create_index("ix_parked_cause_flow_since_side_id", "parked", ["cause", "flow", "since", "side", "id"])
    for statement in OWN[op.get_bind().dialect.name]:
        op.execute(statement)
    _fill()


def _fill() -> None:
    """With the folding of today, whichever that is: what is saved from now on is folded so, too."""
    connection = op.get_bind()
    op.execute("INSERT INTO tallies SELECT flow, state, count(*) FROM links GROUP BY flow, state")
    after = ""
    asked = sa.text("SELECT id FROM links WHERE id > :after ORDER BY id LIMIT :most")
    while ids := list(connection.scalars(asked, {"after": after, "most": _PAGE})):
        if rows := index(connection, ids):
            connection.execute(sa.text("INSERT INTO words (link, words) VALUES (:link, :words)"), rows)
        after = ids[-1]
