"""Experiments, runs and controls as rows, and back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update
from sqlalchemy.engine import RowMapping

from backend.protocol import (
    ChangeInfo,
    ControlOut,
    Experiment,
    ExperimentSummary,
    Run,
    Tensor,
)
from backend.store.notify import notify
from backend.store.tables import controls, experiments, runs

#: States in which a worker process should be there.
ACTIVE = ("starting", "running", "paused")
#: It waits for a place.
QUEUED = "queued"


def has_ended(experiment: Experiment) -> bool:
    """No rows are expected soon."""
    return experiment.state not in (*ACTIVE, QUEUED)


def moment(seconds: float) -> datetime:
    """Unix seconds as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def insert_experiment(connection: Connection, new: Experiment, spec: dict[str, Any]) -> None:
    """Store a new experiment with its runs, and the specification as first asked for."""
    connection.execute(insert(experiments).values(id=new.id, spec=spec, **_experiment_values(new)))
    _insert_runs(connection, new)


def update_experiment(connection: Connection, changed: Experiment) -> None:
    """Store an experiment as it stands now, with its runs."""
    connection.execute(
        update(experiments)
        .where(experiments.c.id == changed.id)
        .values(_experiment_values(changed))
    )
    connection.execute(delete(runs).where(runs.c.experiment_id == changed.id))
    _insert_runs(connection, changed)


def _experiment_values(experiment: Experiment) -> dict[str, Any]:
    values = experiment.model_dump(exclude={"id", "runs", "connected"})
    tags = "".join(f"{tag}\n" for tag in experiment.tags)
    return values | {
        "created_at": experiment.created_at.timestamp(),
        "tags": f"\n{tags}" if tags else "",
    }


def _tags(stored: str) -> list[str]:
    return stored.strip("\n").split("\n") if stored else []


def _insert_runs(connection: Connection, experiment: Experiment) -> None:
    rows = [run.model_dump() | {"experiment_id": experiment.id} for run in experiment.runs]
    if rows:
        connection.execute(insert(runs), rows)


def get_experiment(connection: Connection, id: str) -> Experiment | None:
    """The experiment called `id`; `connected` is False, the store knows no processes."""
    if "\0" in id:  # PostgreSQL has no such text, not even to look for
        return None
    row = connection.execute(select(experiments).where(experiments.c.id == id)).mappings().first()
    if row is None:
        return None
    found = connection.execute(
        select(runs).where(runs.c.experiment_id == id).order_by(runs.c.id)
    ).mappings()
    members = [Run(**{k: v for k, v in run.items() if k != "experiment_id"}) for run in found]
    members.sort(key=lambda run: _number(run.id))
    apart = ("spec", "created_at", "tensors", "tags", "deleted_at")
    values = {k: v for k, v in row.items() if k not in apart}
    return Experiment(
        **values,
        created_at=moment(row["created_at"]),
        tensors=[Tensor(**tensor) for tensor in row["tensors"]],
        tags=_tags(row["tags"]),
        runs=members,
        connected=False,
    )


def _number(run: str) -> int:
    """Order of the runs r1, r2, …, r10."""
    digits = run.lstrip("r")
    return int(digits) if digits.isdigit() else 0


def get_spec(connection: Connection, id: str) -> dict[str, Any] | None:
    """The specification an experiment began with."""
    spec: dict[str, Any] | None = connection.execute(
        select(experiments.c.spec).where(experiments.c.id == id)
    ).scalar()
    return spec


#: Columns of `experiments` that a list shows.
_LISTED = ("id", "name", "created_at", "problem", "kind", "seed", "state", "step", "steps", "tags")


@dataclass(frozen=True)
class Filter:
    """Which experiments to list; None is any.

    Attributes:
        problem, state: exactly this one.
        optimizer: of any run that was not removed.
        text: part of the name, the notes, a tag or a run's label; upper or lower case.
        tag: exactly this one is among its tags.
        deleted: those that were deleted instead of the others.
    """

    problem: str | None = None
    state: str | None = None
    optimizer: str | None = None
    text: str | None = None
    tag: str | None = None
    deleted: bool = False


def list_experiments(
    connection: Connection, limit: int, chosen: Filter | None = None
) -> list[ExperimentSummary]:
    """The newest experiments first."""
    row = experiments.c
    query = select(*(row[name] for name in _LISTED)).where(*_conditions(chosen or Filter()))
    query = query.order_by(row.created_at.desc(), row.id).limit(limit)
    found = connection.execute(query).mappings().all()
    labels: dict[str, list[tuple[int, str]]] = defaultdict(list)
    names = ("experiment_id", "slot", "label", "settings", "optimizer", "policy", "drop_rate")
    of_run = (
        select(*(runs.c[name] for name in names), runs.c.rescale)
        .where(runs.c.experiment_id.in_(query.with_only_columns(row.id)), _present())
        .order_by(runs.c.experiment_id, runs.c.slot)
    )
    firsts: dict[tuple[str, str], float] = {}
    for experiment, slot, label, settings, optimizer, *made_of in connection.execute(of_run).all():
        lr = settings.get("lr", 0.0)
        first = firsts.setdefault((experiment, optimizer), lr)
        made = _made_label(optimizer, *made_of) + _against(lr, first)
        labels[experiment].append((slot, label or made))
    return [_summary(one, labels[one["id"]]) for one in found]


def _present() -> ColumnElement[bool]:
    return runs.c.state != "removed"


def _conditions(chosen: Filter) -> list[ColumnElement[bool]]:
    row = experiments.c
    there = row.deleted_at.is_not(None) if chosen.deleted else row.deleted_at.is_(None)
    found: list[ColumnElement[bool]] = [there]
    if chosen.tag is not None:
        found.append(row.tags.contains(f"\n{chosen.tag}\n", autoescape=True))
    if chosen.problem is not None:
        found.append(row.problem == chosen.problem)
    if chosen.state is not None:
        found.append(row.state == chosen.state)
    if chosen.optimizer is not None:
        using = select(runs.c.experiment_id).where(runs.c.optimizer == chosen.optimizer, _present())
        found.append(row.id.in_(using))
    if chosen.text:
        named = select(runs.c.experiment_id).where(
            runs.c.label.icontains(chosen.text, autoescape=True), _present()
        )
        own = (row.name, row.notes, row.tags)
        found.append(
            or_(row.id.in_(named), *(c.icontains(chosen.text, autoescape=True) for c in own))
        )
    return found


def _made_label(optimizer: str, policy: str, rate: float, rescale: bool) -> str:
    """``adam``, ``adam 0.5``, ``adam per_row 0.5 rescaled``: LRD itself needs no word."""
    if rate == 0:
        return optimizer
    words = [optimizer, "" if policy == "elementwise" else policy, f"{rate:g}"]
    return " ".join(filter(None, [*words, "rescaled" if rescale else ""]))


def _against(lr: float, first: float) -> str:
    """``, lr ÷ 2``: how a learning rate differs from that of the optimizer's first run."""
    if lr <= 0 or first <= 0 or abs(lr / first - 1) < 1e-6:
        return ""
    return f", lr × {lr / first:.3g}" if lr > first else f", lr ÷ {first / lr:.3g}"


def _summary(row: RowMapping, labels: list[tuple[int, str]]) -> ExperimentSummary:
    return ExperimentSummary(
        **{**row, "created_at": moment(row["created_at"]), "tags": _tags(row["tags"])},
        runs=len(labels),
        labels=[label for _, label in labels],
        slots=[slot for slot, _ in labels],
    )


def newest_active(connection: Connection, kind: str) -> str | None:
    """Id of the newest experiment of this kind that trains or waits to, outside of sweeps."""
    row = experiments.c
    found: str | None = connection.execute(
        select(row.id)
        .where(row.kind == kind, row.state.in_([*ACTIVE, QUEUED]), row.sweep == "")
        .order_by(row.created_at.desc())
        .limit(1)
    ).scalar()
    return found


def set_deleted(connection: Connection, id: str, at: float | None) -> bool:
    """Delete an experiment at a time (Unix seconds), or bring it back (None); False if there is
    none. Nothing of it goes yet, see `purge`."""
    changed = connection.execute(
        update(experiments).where(experiments.c.id == id).values(deleted_at=at)
    )
    return changed.rowcount > 0


def deleted_before(connection: Connection, at: float) -> list[str]:
    """Ids of those that were deleted before a time (Unix seconds)."""
    query = select(experiments.c.id).where(experiments.c.deleted_at < at)
    return list(connection.execute(query.order_by(experiments.c.id)).scalars())


def purge(connection: Connection, id: str) -> None:
    """Take an experiment with all its rows out of the store, for good."""
    connection.execute(delete(experiments).where(experiments.c.id == id))


def ids(connection: Connection) -> set[str]:
    """Of all experiments."""
    return set(connection.execute(select(experiments.c.id)).scalars())


def active_ids(connection: Connection) -> list[str]:
    """Experiments that should have a worker process."""
    query = select(experiments.c.id).where(experiments.c.state.in_(ACTIVE))
    return list(connection.execute(query).scalars())


def queued_ids(connection: Connection) -> list[str]:
    """Experiments that wait for a place; those that came first are first."""
    row = experiments.c
    found = connection.execute(select(row.id, row.queue).where(row.state == QUEUED)).all()
    return [id for id, queue in sorted(found, key=lambda one: (one[1] or {}).get("at", 0.0))]


def insert_control(connection: Connection, experiment: str, row: dict[str, Any]) -> bool:
    """Store a control that took effect; False if it is there already."""
    known = connection.execute(
        select(controls.c.number).where(
            controls.c.experiment_id == experiment, controls.c.id == row["id"]
        )
    ).first()
    if known is not None:
        return False
    connection.execute(insert(controls).values(experiment_id=experiment, **row))
    notify(connection, "control", experiment)
    return True


def list_controls(connection: Connection, experiment: str) -> list[ControlOut]:
    """Every control of an experiment, in the order in which they took effect."""
    query = (
        select(controls).where(controls.c.experiment_id == experiment).order_by(controls.c.number)
    )
    return [control_out(row) for row in connection.execute(query).mappings()]


def control_rows(connection: Connection, experiment: str) -> list[dict[str, Any]]:
    """Kind, run, specification, step and changes of every control, in order."""
    columns = [controls.c[name] for name in ("kind", "run", "spec", "step", "changes")]
    query = (
        select(*columns).where(controls.c.experiment_id == experiment).order_by(controls.c.number)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def control_out(row: RowMapping | dict[str, Any]) -> ControlOut:
    """A stored control as the API gives it."""
    return ControlOut(
        id=row["id"],
        kind=row["kind"],
        run=row["run"],
        step=row["step"],
        received_step=row["received_step"],
        # Changes had no step of their own once: the control's.
        changes=[ChangeInfo(**{"step": row["step"], **change}) for change in row["changes"]],
        at=moment(row["at"]),
        who=row["who"],
    )


def added_runs(connection: Connection, experiment: str) -> list[dict[str, Any]]:
    """Specifications of the runs that were added while the experiment trained."""
    query = (
        select(controls.c.spec)
        .where(controls.c.experiment_id == experiment, controls.c.kind == "add_run")
        .order_by(controls.c.number)
    )
    return list(connection.execute(query).scalars())
