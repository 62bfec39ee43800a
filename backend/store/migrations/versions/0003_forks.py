"""Runs may be forks; experiments have seeds, a device, threads and limits; stopped is cancelled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_EXPERIMENTS = (
    ("seeds", sa.Integer, "1"),
    ("device", sa.String(20), "'cpu'"),
    ("threads", sa.Integer, "1"),
    ("curvature_every", sa.Integer, "0"),
    ("limits", sa.JSON, "'{}'"),
)
_RUNS = (
    ("mask_slot", sa.Integer, "-1"),
    ("parent", sa.String(32), "''"),
    ("fork_step", sa.BigInteger, "0"),
    ("replay", sa.Text, "''"),
)


def upgrade() -> None:
    for table, columns in (("experiments", _EXPERIMENTS), ("runs", _RUNS)):
        for name, kind, default in columns:
            column = sa.Column(name, kind, nullable=False, server_default=sa.text(default))
            op.add_column(table, column)
    op.execute("UPDATE experiments SET state = 'cancelled' WHERE state = 'stopped'")


def downgrade() -> None:
    op.execute("UPDATE experiments SET state = 'stopped' WHERE state = 'cancelled'")
    for table, columns in (("experiments", _EXPERIMENTS), ("runs", _RUNS)):
        for name, _, _ in columns:
            op.drop_column(table, name)
