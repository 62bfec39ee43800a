"""An experiment's past as the store has it: its specification, and where it can go on from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from backend.errors import unknown_experiment
from backend.protocol import Experiment, Run
from backend.store import Store
from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.timeline import Changed, Past, Resume, RunRecord, spec_at

#: Kinds of controls that bring a new run; their specification is the run as it was first told.
NEW_RUN = ("add_run", "fork")


def spec_of(parts: dict[str, Any]) -> ExperimentSpec:
    """The specification from a dictionary that travelled, or was stored."""
    runs = [RunSpec(**run) for run in parts["runs"]]
    return ExperimentSpec(**{**parts, "runs": runs})


async def beginning(store: Store, experiment: Experiment) -> ExperimentSpec:
    """What an experiment began with, on the device and threads that were chosen for it.

    Raises:
        ApiError: 404, it is not in the store.
    """
    stored = await store.spec(experiment.id)
    if stored is None:
        raise unknown_experiment(experiment.id)
    return replace(
        spec_of(stored),
        device=experiment.device,
        threads=experiment.threads,
        curvature_every=experiment.curvature_every,
    )


async def record(store: Store, experiment: Experiment, spec: ExperimentSpec) -> Resume:
    """Every run as it began, what was changed when, and the last step that is stored of it."""
    pasts = _pasts(spec, await store.control_rows(experiment.id))
    training = [run.id for run in experiment.runs if run.state in ("running", "finished")]
    steps = await store.last_steps(experiment.id, training)
    records = [
        _record(run, pasts[run.id], max(run.step, steps.get(run.id, 0)))
        for run in experiment.runs
        if run.id in pasts
    ]
    step = max([experiment.step, *(r.step for r in records if r.state == "running")])
    return Resume(step, experiment.steps, experiment.speed, records)


def _record(run: Run, past: Past, step: int) -> RunRecord:
    step = max(step, past.spec.fork_step)
    spec = replace(spec_at(past, max([step, *(c.step for c in past.changes)])), slot=run.slot)
    return RunRecord(past, spec, run.state, step, run.diverged_step)


def _pasts(spec: ExperimentSpec, rows: Iterable[dict[str, Any]]) -> dict[str, Past]:
    pasts = {run.id: Past(run) for run in spec.runs}
    for row in rows:
        if row["kind"] in NEW_RUN and row["spec"] is not None:
            parts = {name: value for name, value in row["spec"].items() if name != "mask_seed"}
            pasts.setdefault(parts["id"], Past(RunSpec(**parts)))
        if row["kind"] != "set":
            continue
        for change in row["changes"]:
            past = pasts.get(change["run"])
            if past is not None and change["new"] is not None:
                # Changes had no step of their own once: the control's.
                step = change.get("step", row["step"])
                past.changes.append(Changed(step, change["setting"], change["new"]))
    return pasts
