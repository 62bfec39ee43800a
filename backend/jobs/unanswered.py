"""Why a control can't be applied."""

from __future__ import annotations

from backend.errors import ApiError
from backend.protocol import Experiment
from backend.store.records import ACTIVE, QUEUED


def no_worker(experiment: Experiment) -> ApiError:
    """409: there is no process that could apply a control."""
    if experiment.state == QUEUED:
        words = f"the experiment {experiment.message}; stop it, or send this when it has started"
        allowed = "an experiment that has started"
    elif experiment.state in ACTIVE:
        words = "its worker process is being reconnected; try again in a moment"
        allowed = "an experiment whose worker is connected"
    else:
        reason = experiment.message or experiment.state
        words = f"the experiment has ended: {reason}; resume it first"
        allowed = "an experiment that trains"
    return ApiError(409, "state", experiment.state, allowed, f"state: {words}")
