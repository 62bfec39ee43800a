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

#: SQLite counts by itself only in a plain INTEGER key.
_COUNTING = BigInteger().with_variant(Integer, "sqlite")


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
    Column("node", String(60), nullable=False, server_default=text("''")),
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
    Column("notes", Text, nullable=False, server_default=text("''")),
    # One a line, with a line's end before the first and after the last.
    Column("tags", Text, nullable=False, server_default=text("''")),
    # Unix seconds; no list shows it from then on, and `lrd gc` takes it in the end.
    Column("deleted_at", Float, nullable=True),
    # The sweep whose cells it trains; empty for none.
    Column("sweep", String(32), nullable=False, server_default=text("''")),
    # The settings as first asked for: runs' settings below follow the controls.
    Column("spec", JSON, nullable=False),
    Index("experiments_newest", "created_at"),
    Index("experiments_by_state", "state", "created_at"),
    Index("experiments_by_problem", "problem", "created_at"),
    Index("experiments_sweep", "sweep"),
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
    Index("runs_by_optimizer", "optimizer"),
)

controls = Table(
    "controls",
    metadata,
    # Order of storing.
    Column("number", _COUNTING, primary_key=True, autoincrement=True),
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

# Frames as they came; those whose rows are in chunks are not here any more.
frames = Table(
    "frames",
    metadata,
    _experiment_id(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)

# Frames whose rows are in chunks: which rows came with which of them, see `ledger`.
spans = Table(
    "spans",
    metadata,
    _experiment_id(),
    Column("last_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("checksum", BigInteger, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)

# States that are kept as files beside the store, or on the node that trains the experiment.
checkpoints = Table(
    "checkpoints",
    metadata,
    _experiment_id(),
    Column("run", String(32), primary_key=True),
    # Steps that were made; pinned ones were kept just before a change.
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("bytes", BigInteger, nullable=False),
    Column("pinned", Boolean, nullable=False),
)

# When runs had reached which steps, about once a second.
times = Table(
    "times",
    metadata,
    _experiment_id(),
    Column("run", String(32), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
)

# A column of a run whose rows are in chunks. A row's index is its step // every, and
# step = index * every + phase.
series = Table(
    "series",
    metadata,
    Column("id", _COUNTING, primary_key=True, autoincrement=True),
    _experiment_id(primary_key=False),
    Column("run", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("every", BigInteger, nullable=False),
    Column("phase", BigInteger, nullable=False),
    Column("dtype", String(2), nullable=False),
    # Indices: of the first row; up to which chunks are final; up to which the pyramid goes; after
    # the last row.
    Column("start", BigInteger, nullable=False),
    Column("closed", BigInteger, nullable=False),
    Column("covered", BigInteger, nullable=False),
    Column("stop", BigInteger, nullable=False),
    UniqueConstraint("experiment_id", "run", "name", "every", "phase", "dtype", name="series_key"),
)

# Level 0: consecutive rows of a series, from index `first`. Above: buckets, from number `first`.
chunks = Table(
    "chunks",
    metadata,
    Column(
        "series_id",
        _COUNTING,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("rows", Integer, nullable=False),
    Column("checksum", BigInteger, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)

# A grid of settings, and the experiments that train its cells.
sweeps = Table(
    "sweeps",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
    # Unix seconds, as of an experiment.
    Column("deleted_at", Float, nullable=True),
    # As asked for, with all defaults.
    Column("spec", JSON, nullable=False),
    # By row of the grid its experiments, one a seed where seeds are apart.
    Column("grid", JSON, nullable=False),
    Index("sweeps_newest", "created_at"),
)
