"""Runs have settings of their policy."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default is for the runs that are there: no policy had a setting before.
    empty = sa.text("'{}'")
    column = sa.Column("policy_settings", sa.JSON, nullable=False, server_default=empty)
    op.add_column("runs", column)


def downgrade() -> None:
    op.drop_column("runs", "policy_settings")
