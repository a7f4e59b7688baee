"""Intents tell where the lines that they add come from: what landed of them is then known for what it is.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

from syncline.store.columns import Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("intents", sa.Column("added", Text(), nullable=False, server_default="[]"))
