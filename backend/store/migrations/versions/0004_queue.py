"""Experiments may wait for a place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiments", sa.Column("queue", sa.JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("experiments", "queue")
