"""Sweeps: grids of settings whose cells are trained by experiments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("deleted_at", sa.Float, nullable=True),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("grid", sa.JSON, nullable=False),
    )
    op.create_index("sweeps_newest", "sweeps", ["created_at"])
    column = sa.Column("sweep", sa.String(32), nullable=False, server_default=sa.text("''"))
    op.add_column("experiments", column)
    op.create_index("experiments_sweep", "experiments", ["sweep"])


def downgrade() -> None:
    op.drop_index("experiments_sweep", "experiments")
    op.drop_column("experiments", "sweep")
    op.drop_table("sweeps")
