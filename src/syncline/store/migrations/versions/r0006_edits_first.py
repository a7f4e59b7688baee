"""Edits of records that are linked are told from what is there for the first time: they go first.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("arrivals", sa.Column("edit", sa.Boolean(), nullable=False, server_default=sa.true()))
    is_edit = sa.text("edit")
    columns = ["flow", "due", "side", "id"]
    op.create_index("ix_edits_flow_due", "arrivals", columns, sqlite_where=is_edit, postgresql_where=is_edit)
