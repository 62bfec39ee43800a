"""Steps that were made again, held against what was recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from backend.store import Store
from lrd_core.engine.controls import Replayed

EQUAL = "equal"
#: Losses that are told in one message: some 2 MB of JSON, of 16 MiB that a websocket takes.
MOST_LOSSES = 100_000


def in_pieces(parts: Sequence[Replayed], most: int) -> list[list[Replayed]]:
    """The same losses in the same order, at most `most` in each piece; at least one piece."""
    pieces: list[list[Replayed]] = [[]]
    room = most
    for part in parts:
        done = 0
        while done < len(part.losses):
            if not room:
                pieces.append([])
                room = most
            losses = part.losses[done : done + room]
            pieces[-1].append(replace(part, first=part.first + done, losses=losses))
            done += len(losses)
            room -= len(losses)
    return pieces


class Comparison:
    """What comes of comparing a run's steps that arrive piece by piece."""

    def __init__(self, store: Store, experiment: str) -> None:
        self._store = store
        self._experiment = experiment
        #: Empty: nothing was compared; `EQUAL`; or a sentence about the first step that differs.
        self.words = ""

    async def add(self, parts: Sequence[Mapping[str, Any]]) -> None:
        """Compare further steps; after the first that differs, nothing is compared any more."""
        if parts and self.words in ("", EQUAL):
            recorded = await recorded_of(self._store, self._experiment, parts)
            self.words = compared(parts, recorded)


def compared(parts: Sequence[Mapping[str, Any]], recorded: Sequence[Mapping[int, float]]) -> str:
    """`EQUAL`, or one sentence about the first step that differs or is not recorded.

    Args:
        parts: run, first and losses, in the order of steps (`lrd_core.engine.controls.Replayed`).
        recorded: for each part its run's losses by step.
    """
    for part, known in zip(parts, recorded, strict=True):
        losses = [math.nan if loss is None else float(loss) for loss in part["losses"]]
        for step, again in enumerate(losses, part["first"]):
            before = known.get(step)
            if before is None:
                return f"step {step} of {part['run']} is not recorded, so it was not compared"
            if before != again and not (math.isnan(before) and math.isnan(again)):
                return (
                    f"the replay differs from the record of {part['run']} at step {step}: "
                    f"loss {again!r}, recorded {before!r}"
                )
    return EQUAL


async def recorded_of(
    store: Store, experiment: str, parts: Sequence[Mapping[str, Any]]
) -> list[dict[int, float]]:
    """For each part, the stored losses of its run by step."""
    recorded = []
    for part in parts:
        last = part["first"] + len(part["losses"]) - 1
        found = await store.series(experiment, part["run"], {"loss"}, part["first"], last)
        steps, values = found.steps.get("loss", []), found.values.get("loss", [])
        recorded.append(dict(zip(steps, values, strict=True)))
    return recorded
