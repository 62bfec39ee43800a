"""Experiments have notes and tags, and can be deleted with a way back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("notes", "tags"):
        nothing = sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))
        op.add_column("experiments", nothing)
    op.add_column("experiments", sa.Column("deleted_at", sa.Float, nullable=True))


def downgrade() -> None:
    for name in ("deleted_at", "tags", "notes"):
        op.drop_column("experiments", name)
