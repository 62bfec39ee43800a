"""Which checkpoints to delete when they take too much room: old ones lie further apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Checkpoints of each run that are never deleted: its newest.
NEWEST = 2


@dataclass(frozen=True)
class Kept:
    """A checkpoint: whose, after which step, bytes; `pinned` ones go last."""

    run: str
    step: int
    size: int
    pinned: bool


def surplus(checkpoints: Sequence[Kept], budget: int) -> list[int]:
    """Indices of those to delete so that the rest takes at most `budget` bytes.

    Each time the one goes whose loss costs least: the gap that it would leave, relative to its age
    (steps before its run's newest). So gaps grow in proportion to age, and a replay to a step n
    steps ago takes at most about a fixed share of n. Pinned ones go when no other is left; the
    newest of each run stay, even above the budget.
    """
    rest = list(range(len(checkpoints)))
    total = sum(checkpoint.size for checkpoint in checkpoints)
    gone: list[int] = []
    while total > budget:
        costs = _costs([checkpoints[i] for i in rest])
        if not costs:
            break
        place = min(costs, key=lambda p: costs[p])
        index = rest.pop(place)
        gone.append(index)
        total -= checkpoints[index].size
    return gone


def _costs(rest: Sequence[Kept]) -> dict[int, tuple[bool, float]]:
    """By place in `rest`: (pinned, the gap that it would leave over its age)."""
    by_run: dict[str, list[int]] = {}
    for place, checkpoint in enumerate(rest):
        by_run.setdefault(checkpoint.run, []).append(place)
    costs: dict[int, tuple[bool, float]] = {}
    for places in by_run.values():
        places.sort(key=lambda p: rest[p].step)
        steps = [rest[p].step for p in places]
        for i, place in enumerate(places[:-NEWEST]):
            before = steps[i - 1] if i else 0
            gap, age = steps[i + 1] - before, steps[-1] - steps[i]
            costs[place] = (rest[place].pinned, gap / age)
    return costs
