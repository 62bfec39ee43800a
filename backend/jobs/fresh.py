"""A new experiment as it is stored before its first step."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict
from typing import Any

from backend.protocol import Experiment, ExperimentIn
from backend.store.records import moment
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.problems import get_problem


def new_experiment(given: ExperimentIn, spec: ExperimentSpec, sweep: str = "") -> Experiment:
    """What was asked for, with a fresh id, maybe for a sweep; it waits for a place."""
    runs: list[dict[str, Any]] = [
        asdict(run)
        | {
            "mask_seed": spec.mask_seed(run),
            "state": "running",
            "step": 0,
            "diverged_step": None,
            "message": "",
        }
        for run in spec.runs
    ]
    return Experiment.model_validate(
        {
            "id": secrets.token_hex(5),
            "name": given.name,
            "created_at": moment(time.time()),
            "problem": spec.problem,
            "kind": get_problem(spec.problem).kind,
            "settings": spec.settings,
            "seed": spec.seed,
            "steps": spec.steps,
            "speed": spec.speed,
            "shared_masks": spec.shared_masks,
            "test_every": spec.test_every,
            "seeds": spec.seeds,
            "device": spec.device,
            "node": given.node,
            "sweep": sweep,
            "threads": spec.threads,
            "curvature_every": spec.curvature_every,
            "queue": {"at": time.time(), "paused": given.paused, "who": ""},
            "limits": given.limits.model_dump(),
            "state": "queued",
            "message": "waits for a place",
            "step": 0,
            "runs": runs,
            "tensors": [],
            "replaces": given.replaces,
            "replaced_by": None,
            "connected": False,
            "tags": ["sweep"] if sweep else [],
        }
    )
