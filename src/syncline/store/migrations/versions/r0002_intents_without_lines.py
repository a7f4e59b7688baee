"""Intents hold their lines within the write; nothing ever read the column beside it.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_column("intents", "lines")
