"""The journal, and what people said that is still to be done, tell who said it.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

from syncline.store.columns import Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("journal", "answers", "wishes"):
        op.add_column(table, sa.Column("by", Text(), nullable=True))
