"""Checks an experiment that was asked for, where it will train."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from backend.jobs.job import Job
from backend.jobs.nodes import Nodes
from backend.jobs.room import chosen_device
from backend.jobs.sites import check_node, device_elsewhere
from backend.protocol import ExperimentIn
from lrd_core.data import state
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.problems import PROBLEMS

#: What is no part of the specification.
AROUND = {"name", "paused", "replaces", "limits", "node"}


def checked(given: ExperimentIn, jobs: Iterable[Job], nodes: Nodes) -> ExperimentSpec:
    """The specification, on a device that is here or on a node; may take long (data are loaded).

    Raises:
        SettingError: a value that is not allowed.
    """
    parts = given.model_dump(exclude=AROUND, exclude_none=True)
    check_node(given.node, nodes)
    problem = PROBLEMS.get(given.problem)
    if problem is None:
        return check_experiment(parts)  # says which there are
    missing = problem.data if problem.data and state(problem.data).state == "missing" else ""
    asked = "cpu" if given.device == "auto" and problem.kind == "surface" else given.device
    device = device_elsewhere(asked, given.node, missing, nodes)
    if device is None:
        return check_experiment(parts | {"device": chosen_device(given.device, jobs, problem.kind)})
    # Data that are only there, only the worker can load.
    spec = check_experiment(parts | {"device": "cpu"}, build=not missing)
    return replace(spec, device=device)
