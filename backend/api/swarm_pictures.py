"""Basin pictures that were made lately: while one drop rate moves, the other runs' stay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

#: Starts of all that are kept, three bytes each.
MOST = 4_000_000

Picture = dict[str, Any]


class Pictures:
    """The newest pictures by what was asked for, up to `MOST` starts of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, Picture]] = OrderedDict()
        self._starts = 0

    def of(self, key: str, starts: int, make: Callable[[], Picture]) -> Picture:
        """The picture of `key`, which is made if it is not kept."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key][1]
        made = make()
        self._known[key] = starts, made
        self._starts += starts
        while self._starts > MOST:
            _, (less, _) = self._known.popitem(last=False)
            self._starts -= less
        return made
