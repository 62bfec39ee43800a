"""`lrd run`: train an experiment in this process, with a progress display and a summary table."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lrd_core.data import use
from lrd_core.data.places import OFFLINE_VARIABLE
from lrd_core.engine.command import command, parse_at, parse_pairs, parse_run, run_text
from lrd_core.engine.controls import Applied, Change, Control, Replayed, Status
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.engine.frames import Taken
from lrd_core.engine.lean import without_compiler
from lrd_core.engine.loop import Loop
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError

#: Steps that a task's train loss is averaged over: single batches scatter.
LOSS_WINDOW = 20
Scheduled = Sequence[tuple[int, Control]]


def find_data(folder: Path | None, offline: bool) -> None:
    """Where this process looks for data sets first, and whether it may use the network.

    Raises:
        SettingError: no such folder; its field is ``data``.
    """
    if folder is not None:
        use(folder)
    if offline:
        os.environ[OFFLINE_VARIABLE] = "1"


def experiment(
    given: Mapping[str, object],
    optimizers: Sequence[str],
    drop_rates: Sequence[float],
    lr: float | None,
    runs: Sequence[str],
    settings: Sequence[str],
    at: Sequence[str],
) -> tuple[ExperimentSpec, Scheduled]:
    """The experiment and its scheduled controls from the command's options.

    `optimizers` × `drop_rates` makes one run each with the settings and schedule that the problem
    suggests, after those given in full.

    Raises:
        SettingError: any bad value.
    """
    parts = dict(given) | {"settings": parse_pairs(settings, "set")}
    full: list[object] = [parse_run(text) for text in runs]
    if optimizers or not full:
        options = {} if lr is None else {"lr": lr}
        if optimizers or drop_rates or lr is not None:
            problem = get_problem(str(parts["problem"]))
            suggested = problem.suggested_settings
            full += [
                {
                    "optimizer": name,
                    "settings": {**suggested.get(name, {}), **options},
                    "drop_rate": rate,
                    **problem.suggested_schedule,
                }
                for name in (optimizers or ["adam"])
                for rate in (drop_rates or [0.0])
            ]
    if full:
        parts["runs"] = full
    spec = check_experiment({**parts, "speed": 0.0})
    scheduled = [parse_at(text) for text in at]
    known = [run.id for run in spec.runs]
    for step, control in scheduled:
        if control.run is not None and control.run not in known:
            raise SettingError("at", control.run, "one of " + ", ".join(known))
        if step > spec.steps:
            raise SettingError("at", step, f"a step in [1, {spec.steps}]")
    return spec, scheduled


class Summary:
    """A sink that keeps the last values of every run and drives a progress bar."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.last: dict[str, dict[str, float]] = {}
        self._losses: dict[str, deque[float]] = {}
        self.status_now: Status | None = None
        self.refused: list[dict[str, Any]] = []
        self._progress = progress
        self._bar = progress.add_task("training", total=None) if progress else None

    def frame(self, rows: Taken) -> None:
        for block in rows.blocks():
            values = {name: float(block.column(name)[-1]) for name in block.columns}
            self.last.setdefault(block.run, {}).update(values)
            if "loss" in block.columns:
                losses = self._losses.setdefault(block.run, deque(maxlen=LOSS_WINDOW))
                losses.extend(block.column("loss")[-LOSS_WINDOW:].tolist())
            if self._progress is not None and self._bar is not None and block.every == 1:
                self._progress.update(self._bar, completed=block.last)

    def loss_mean(self, run: str) -> float:
        """Mean loss of the last steps, as the dashboard's cards show it; NaN before the first."""
        losses = [loss for loss in self._losses.get(run, ()) if math.isfinite(loss)]
        return sum(losses) / len(losses) if losses else math.nan

    def applied(self, applied: Applied) -> None:
        if applied.error is not None:
            self.refused.append(applied.error)

    def replayed(self, run: str, parts: list[Replayed]) -> None:
        pass

    def view(self, name: str, content: dict[str, Any]) -> None:
        pass

    def status(self, status: Status) -> None:
        self.status_now = status
        if self._progress is not None and self._bar is not None:
            self._progress.update(self._bar, total=status.steps)


def train(spec: ExperimentSpec, scheduled: Scheduled, as_json: bool) -> int:
    """Train and report; 1 if every run diverged or a scheduled control was refused."""
    torch.set_num_threads(spec.threads)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    began = time.monotonic()
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=as_json) as progress:
        summary = Summary(progress)
        without_compiler()
        Loop(spec, summary, scheduled=scheduled, stay=False).run()
    seconds = time.monotonic() - began
    for error in summary.refused:
        refusal = SettingError(error["field"], error["value"], error["allowed"])
        sys.stderr.write(f"lrd: --at {refusal}\n")
    result = _result(spec, summary, seconds)
    result["command"] = command(spec, [(step, _change(step, c)) for step, c in scheduled])
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        _show(result)
    failed = all(run["state"] == "diverged" for run in result["runs"])
    return 1 if failed or summary.refused else 0


def _result(spec: ExperimentSpec, summary: Summary, seconds: float) -> dict[str, Any]:
    status = summary.status_now
    states = {run.id: run for run in status.runs} if status else {}
    return {
        "problem": spec.problem,
        "settings": spec.settings,
        "seed": spec.seed,
        "steps": spec.steps,
        "seconds": round(seconds, 3),
        "runs": [
            {
                "id": run.id,
                "run": run_text(run),
                "state": states[run.id].state,
                "step": states[run.id].step,
                "diverged_step": states[run.id].diverged_step,
                f"loss_mean_{LOSS_WINDOW}": _json_number(summary.loss_mean(run.id)),
                **{k: _json_number(v) for k, v in sorted(summary.last.get(run.id, {}).items())},
            }
            for run in spec.runs
        ],
    }


def _change(step: int, control: Control) -> Change:
    return Change(control.run, control.setting or "", None, control.value, step)


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _show(result: Mapping[str, Any]) -> None:
    on_task = get_problem(result["problem"]).kind == "task"
    title = f"{result['problem']}, seed {result['seed']}, {result['steps']} steps"
    table = Table(title=f"{title}, {result['seconds']:.1f} s")
    table.add_column("run", min_width=16)
    last = ("test loss", "test accuracy") if on_task else ("x", "y")
    loss = f"train loss, mean of {LOSS_WINDOW}" if on_task else "loss"
    for name in (loss, *last, "state"):
        table.add_column(name, justify="right")
    for run in result["runs"]:
        if on_task:
            accuracy = run.get("test_accuracy")
            percent = "–" if accuracy is None else f"{100 * accuracy:.1f} %"
            cells = [_number(run.get("test_loss")), percent]
        else:
            cells = [_number(run.get("x")), _number(run.get("y"))]
        state = run["state"]
        if run["diverged_step"] is not None:
            state = f"diverged at step {run['diverged_step']}"
        shown = run.get(f"loss_mean_{LOSS_WINDOW}" if on_task else "loss")
        table.add_row(run["run"], _number(shown), *cells, state)
    Console().print(table)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
