"""Which checkpoints to delete when they are too many or take too much room: old ones lie further
apart."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Checkpoints of each run that are never deleted: its newest.
NEWEST = 2
#: Checkpoints that one run keeps at most.
MOST = 200


@dataclass(frozen=True)
class Kept:
    """A checkpoint: whose, after which step, bytes; `pinned` ones go last."""

    run: str
    step: int
    size: int
    pinned: bool


def surplus(checkpoints: Sequence[Kept], budget: int, most: int = MOST) -> list[int]:
    """Indices of those to delete so that every run keeps at most `most` of the rest, and the rest
    takes at most `budget` bytes.

    Each time the one goes whose loss costs least: the gap that it would leave, relative to its age
    (steps before its run's newest). So gaps grow in proportion to age, and a replay to a step n
    steps ago takes at most about a fixed share of n. Pinned ones go when no other is left; the
    newest of each run stay, even above the limits.
    """
    by_run: dict[str, list[int]] = {}
    for index, checkpoint in enumerate(checkpoints):
        by_run.setdefault(checkpoint.run, []).append(index)
    rows = [_Row(checkpoints, indices) for indices in by_run.values()]
    gone = []
    for row in rows:
        while row.count > most and row.least() is not None:
            gone.append(row.pop())
    total = sum(c.size for c in checkpoints) - sum(checkpoints[i].size for i in gone)
    while total > budget:
        costs = {place: cost for place, row in enumerate(rows) if (cost := row.least()) is not None}
        if not costs:
            break
        gone.append(rows[min(costs, key=lambda place: costs[place])].pop())
        total -= checkpoints[gone[-1]].size
    return gone


#: Pinned or not, and the gap that a checkpoint would leave over its age.
_Cost = tuple[bool, float]


class _Row:
    """One run's checkpoints by step. A heap holds what the loss of each would cost; an entry is
    void once a neighbour of its checkpoint is gone, which makes that cost another."""

    def __init__(self, checkpoints: Sequence[Kept], indices: Sequence[int]) -> None:
        self._indices = sorted(indices, key=lambda index: checkpoints[index].step)
        self._kept = [checkpoints[index] for index in self._indices]
        self.count = len(self._kept)
        self._before = [place - 1 for place in range(self.count)]
        self._after = [place + 1 for place in range(self.count)]
        self._costs = [self._cost(place) for place in range(max(0, self.count - NEWEST))]
        self._heap = [(cost, place) for place, cost in enumerate(self._costs)]
        heapq.heapify(self._heap)

    def _cost(self, place: int) -> _Cost:
        before = self._before[place]
        since = self._kept[before].step if before >= 0 else 0
        gap = self._kept[self._after[place]].step - since
        return self._kept[place].pinned, gap / (self._kept[-1].step - self._kept[place].step)

    def least(self) -> _Cost | None:
        """The least that the loss of one would cost; None if none may go."""
        while self._heap and self._heap[0][0] != self._costs[self._heap[0][1]]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self) -> int:
        """Take that one out; gives its index. `least` was called just before."""
        _, place = heapq.heappop(self._heap)
        self._costs[place] = (True, math.inf)  # no entry is its any more
        before, after = self._before[place], self._after[place]
        self._before[after] = before
        if before >= 0:
            self._after[before] = after
        for neighbour in (before, after):
            if 0 <= neighbour < len(self._costs):
                self._costs[neighbour] = self._cost(neighbour)
                heapq.heappush(self._heap, (self._costs[neighbour], neighbour))
        self.count -= 1
        return self._indices[place]
