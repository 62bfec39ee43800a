"""Experiments, runs, controls and frames."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _experiment_id() -> sa.Column[str]:
    return sa.Column(
        "experiment_id",
        sa.String(32),
        sa.ForeignKey("experiments.id", ondelete="CASCADE"),
        nullable=False,
    )


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("problem", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("steps", sa.BigInteger, nullable=False),
        sa.Column("speed", sa.Float, nullable=False),
        sa.Column("shared_masks", sa.Boolean, nullable=False),
        sa.Column("test_every", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("tensors", sa.JSON, nullable=False),
        sa.Column("replaces", sa.String(32)),
        sa.Column("replaced_by", sa.String(32)),
        sa.Column("spec", sa.JSON, nullable=False),
    )
    op.create_index("experiments_newest", "experiments", ["created_at"])
    op.create_table(
        "runs",
        _experiment_id(),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("optimizer", sa.String(100), nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("drop_rate", sa.Float, nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.Column("rescale", sa.Boolean, nullable=False),
        sa.Column("mask_seed", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("diverged_step", sa.BigInteger),
        sa.Column("message", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "id"),
    )
    op.create_table(
        "controls",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        _experiment_id(),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("run", sa.String(32)),
        sa.Column("setting", sa.String(100)),
        sa.Column("value", sa.JSON),
        sa.Column("spec", sa.JSON),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("received_step", sa.BigInteger, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("who", sa.String(40), nullable=False),
        sa.UniqueConstraint("experiment_id", "id", name="controls_id"),
    )
    op.create_table(
        "frames",
        _experiment_id(),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("first_step", sa.BigInteger, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "seq"),
    )


def downgrade() -> None:
    for table in ("frames", "controls", "runs", "experiments"):
        op.drop_table(table)
