"""Runs have a schedule of their learning rate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The defaults are for the runs that are there: their learning rate was what was set.
    constant = sa.Column(
        "schedule", sa.String(100), nullable=False, server_default=sa.text("'constant'")
    )
    empty = sa.Column("schedule_settings", sa.JSON, nullable=False, server_default=sa.text("'{}'"))
    op.add_column("runs", constant)
    op.add_column("runs", empty)


def downgrade() -> None:
    op.drop_column("runs", "schedule_settings")
    op.drop_column("runs", "schedule")
