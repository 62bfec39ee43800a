"""Effective steps: how much learning rate has reached a run's coordinates by a step."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray

from backend.api.series import MOST_WIDTH, At, Id, check
from backend.protocol import EffectiveSteps
from backend.store.reading import ROWS_A_PIXEL, RawColumn, Read

router = APIRouter(prefix="/experiments", tags=["experiments"])

#: Steps that are read and summed at once.
PIECE = 100_000


@router.get("/{id}/effective")
async def effective(
    id: Id,
    at: At,
    run: Annotated[str, Query(max_length=32)],
    first: Annotated[int, Query(ge=1, description="step")] = 1,
    last: Annotated[int | None, Query(ge=1, description="included; the newest if left out")] = None,
    width: Annotated[
        int, Query(ge=1, le=MOST_WIDTH, description="pixels: at most four steps each")
    ] = 1000,
) -> EffectiveSteps:
    """Sums of learning rate × kept share of the steps from `first` on: every row counts, as many
    sums as fit `width` are given, the last one always."""
    experiment = await at.manager.experiment(id)
    check(experiment, run, first, last)
    rescaled = next(known.rescale for known in experiment.runs if known.id == run)
    end = experiment.step if last is None else min(last, experiment.step)
    every = max(1, -(-(end - first + 1) // (ROWS_A_PIXEL * width)))
    names = {"lr", "keep_rate"} | ({"drop_rate"} if rescaled else set())
    chosen: list[NDArray[Any]] = []
    sums: list[NDArray[np.float64]] = []
    total = 0.0
    for begin in range(first, end + 1, PIECE):
        found = await at.store.read(id, run, names, begin, min(end, begin + PIECE - 1))
        steps, added = contributions(found, rescaled)
        if not len(steps):
            continue
        reached = total + np.cumsum(added)
        total = float(reached[-1])
        # The last of a piece is given as well: it may be the last of all.
        wanted = (steps - first) % every == every - 1
        wanted[-1] = True
        chosen.append(steps[wanted])
        sums.append(reached[wanted])
    return EffectiveSteps(
        run=run,
        steps=np.concatenate(chosen).tolist() if chosen else [],
        values=np.concatenate(sums).tolist() if sums else [],
    )


def contributions(
    found: dict[str, Read], rescaled: bool
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Steps that have both columns, (rows,), and what each adds, (rows,) float64; a step that
    diverged, whose kept share is no number, adds nothing."""
    lr, keep = found.get("lr"), found.get("keep_rate")
    if not isinstance(lr, RawColumn) or not isinstance(keep, RawColumn):
        return np.empty(0, np.int64), np.empty(0)
    steps, in_lr, in_keep = np.intersect1d(lr.steps, keep.steps, True, return_indices=True)
    added = lr.values[in_lr].astype(np.float64) * keep.values[in_keep]
    drop = found.get("drop_rate")
    if rescaled and isinstance(drop, RawColumn):
        rates = drop.values[np.searchsorted(drop.steps, steps).clip(max=len(drop.steps) - 1)]
        added /= 1 - rates.astype(np.float64)
    return steps, np.nan_to_num(added, nan=0.0, posinf=0.0, neginf=0.0)
