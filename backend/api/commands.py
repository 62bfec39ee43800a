"""A stored experiment as the command line that computes the same numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from backend.protocol import ControlOut, Experiment
from lrd_core.engine.command import command
from lrd_core.engine.controls import Change
from lrd_core.engine.experiment import ExperimentSpec, RunSpec


def command_line(
    experiment: Experiment,
    spec: dict[str, Any],
    added: Iterable[dict[str, Any]],
    controls: Iterable[ControlOut],
) -> str:
    """`lrd run …` for an experiment: `spec` is how it began, `added` the runs that came later."""
    later = [{k: v for k, v in run.items() if k != "mask_seed"} for run in added]
    runs = [RunSpec(**run) for run in [*spec["runs"], *later]]
    if experiment.shared_masks:
        # With own masks a run's place fixes its masks, so that removed runs must stay in theirs.
        removed = {run.id for run in experiment.runs if run.state == "removed"}
        runs = [run for run in runs if run.id not in removed]
    began = ExperimentSpec(**{**spec, "runs": runs})
    changes = [
        (change.step, Change(change.run, change.setting, change.old, change.new, change.step))
        for control in controls
        if control.kind == "set"
        for change in control.changes
        # Set after the last step: nothing was trained with it, and the command would refuse it.
        if change.step <= experiment.steps
    ]
    return command(replace(began, steps=experiment.steps), changes)
