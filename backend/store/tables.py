"""The store's tables. Times are Unix seconds (UTC) as float."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()


def _experiment_id(primary_key: bool = True) -> Column[str]:
    return Column(
        "experiment_id",
        String(32),
        ForeignKey("experiments.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


experiments = Table(
    "experiments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("problem", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("speed", Float, nullable=False),
    Column("shared_masks", Boolean, nullable=False),
    Column("test_every", Integer, nullable=False),
    Column("seeds", Integer, nullable=False, server_default=text("1")),
    Column("device", String(20), nullable=False, server_default=text("'cpu'")),
    Column("threads", Integer, nullable=False, server_default=text("1")),
    Column("curvature_every", Integer, nullable=False, server_default=text("0")),
    Column("limits", JSON, nullable=False, server_default=text("'{}'")),
    # Since when it waits for a place, and how it begins then.
    Column("queue", JSON(none_as_null=True), nullable=True),
    Column("state", String(20), nullable=False),
    Column("message", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("tensors", JSON, nullable=False),
    Column("replaces", String(32), nullable=True),
    Column("replaced_by", String(32), nullable=True),
    # The settings as first asked for: runs' settings below follow the controls.
    Column("spec", JSON, nullable=False),
    Index("experiments_newest", "created_at"),
)

runs = Table(
    "runs",
    metadata,
    _experiment_id(),
    Column("id", String(32), primary_key=True),
    Column("slot", Integer, nullable=False),
    Column("label", String(100), nullable=False),
    Column("optimizer", String(100), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("drop_rate", Float, nullable=False),
    Column("policy", String(100), nullable=False),
    Column("policy_settings", JSON, nullable=False, server_default=text("'{}'")),
    Column("rescale", Boolean, nullable=False),
    Column("schedule", String(100), nullable=False, server_default=text("'constant'")),
    Column("schedule_settings", JSON, nullable=False, server_default=text("'{}'")),
    Column("mask_seed", BigInteger, nullable=False),
    Column("mask_slot", Integer, nullable=False, server_default=text("-1")),
    Column("parent", String(32), nullable=False, server_default=text("''")),
    Column("fork_step", BigInteger, nullable=False, server_default=text("0")),
    Column("replay", Text, nullable=False, server_default=text("''")),
    Column("state", String(20), nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("diverged_step", BigInteger, nullable=True),
    Column("message", Text, nullable=False),
)

controls = Table(
    "controls",
    metadata,
    # Order of storing; SQLite counts by itself only in a plain INTEGER key.
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    _experiment_id(primary_key=False),
    Column("id", String(32), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("run", String(32), nullable=True),
    Column("setting", String(100), nullable=True),
    Column("value", JSON, nullable=True),
    Column("spec", JSON, nullable=True),
    Column("step", BigInteger, nullable=False),
    Column("received_step", BigInteger, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("at", Float, nullable=False),
    Column("who", String(40), nullable=False),
    UniqueConstraint("experiment_id", "id", name="controls_id"),
)

frames = Table(
    "frames",
    metadata,
    _experiment_id(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)
