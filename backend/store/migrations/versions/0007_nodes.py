"""Experiments may train on another machine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Those that are there were trained on the server's own machine.
    here = sa.Column("node", sa.String(60), nullable=False, server_default=sa.text("''"))
    op.add_column("experiments", here)


def downgrade() -> None:
    op.drop_column("experiments", "node")
