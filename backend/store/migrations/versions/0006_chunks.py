"""Rows of frames go on to compressed chunks; lists can be filtered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COUNTING = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INDICES = (
    ("experiments_by_state", "experiments", ["state", "created_at"]),
    ("experiments_by_problem", "experiments", ["problem", "created_at"]),
    ("runs_by_optimizer", "runs", ["optimizer"]),
)


def _experiment_id() -> sa.Column[str]:
    return sa.Column(
        "experiment_id",
        sa.String(32),
        sa.ForeignKey("experiments.id", ondelete="CASCADE"),
        nullable=False,
    )


def upgrade() -> None:
    op.create_table(
        "spans",
        _experiment_id(),
        sa.Column("last_seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "last_seq"),
    )
    op.create_table(
        "series",
        sa.Column("id", _COUNTING, primary_key=True, autoincrement=True),
        _experiment_id(),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("every", sa.BigInteger, nullable=False),
        sa.Column("phase", sa.BigInteger, nullable=False),
        sa.Column("dtype", sa.String(2), nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger, nullable=False),
        sa.Column("covered", sa.BigInteger, nullable=False),
        sa.Column("stop", sa.BigInteger, nullable=False),
        sa.UniqueConstraint(
            "experiment_id", "run", "name", "every", "phase", "dtype", name="series_key"
        ),
    )
    op.create_table(
        "chunks",
        sa.Column(
            "series_id",
            _COUNTING,
            sa.ForeignKey("series.id", ondelete="CASCADE"),
            nullable=False,
            autoincrement=False,
        ),
        sa.Column("level", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("first", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("checksum", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "level", "first"),
    )
    for name, table, columns in _INDICES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    # An earlier version reads frames only.
    if op.get_bind().execute(sa.text("SELECT count(*) FROM spans")).scalar():
        raise RuntimeError("rows of this store are in chunks, which no earlier version can read")
    for name, table, _ in _INDICES:
        op.drop_index(name, table)
    for table in ("chunks", "series", "spans"):
        op.drop_table(table)
