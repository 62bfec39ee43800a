"""What an experiment is after a control, or when its worker has told where it stands."""

from __future__ import annotations

from typing import Any

from backend.protocol import Experiment, Run
from lrd_core.engine.experiment import POLICY_PREFIX


def after_changes(experiment: Experiment, applied: dict[str, Any]) -> Experiment:
    """`experiment` with the changes of a control, `lrd_core.engine.controls.Applied`."""
    runs = {run.id: run.model_copy(deep=True) for run in experiment.runs}
    told = applied["run"]
    if told is not None:
        known = runs.get(told["id"])
        runs[told["id"]] = (
            known.model_copy(update=told)
            if known is not None
            else Run(
                **told,
                state="running",
                step=told["fork_step"],
                diverged_step=None,
                message="",
            )
        )
    update: dict[str, Any] = {}
    for change in applied["changes"]:
        run = runs.get(change["run"])
        setting = change["setting"]
        if run is None:
            if setting == "curvature_every":
                update[setting] = change["new"]
        elif setting == "drop_rate":
            run.drop_rate = change["new"]
        elif setting.startswith(POLICY_PREFIX):
            run.policy_settings[setting.removeprefix(POLICY_PREFIX)] = change["new"]
        elif setting in run.settings:
            run.settings[setting] = change["new"]
    return experiment.model_copy(update=update | {"runs": list(runs.values())})


def followed(run: Run, status: dict[str, Any] | None) -> Run:
    """`run` where its worker says that it stands, if it says so."""
    if status is None:
        return run
    return run.model_copy(update=status | {"step": max(run.step, status["step"])})


def without_steps(experiment: Experiment) -> Experiment:
    """What of it is worth a message when it changes."""
    runs = [run.model_copy(update={"step": 0}) for run in experiment.runs]
    return experiment.model_copy(update={"step": 0, "runs": runs})
