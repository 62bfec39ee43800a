"""The newest state of every experiment's pictures, for whoever comes to look later."""

from __future__ import annotations

from collections import OrderedDict

#: Bytes of pictures that are held, of all experiments together.
MAX_BYTES = 64_000_000


class Views:
    """Messages by experiment and picture; above `limit` bytes the experiments go whose pictures
    have not changed for longest."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._held: OrderedDict[str, dict[str, str]] = OrderedDict()
        self.bytes = 0

    def of(self, experiment: str) -> list[str]:
        """The messages of an experiment."""
        return list(self.named(experiment).values())

    def named(self, experiment: str) -> dict[str, str]:
        """The same by picture."""
        return dict(self._held.get(experiment, {}))

    def put(self, experiment: str, name: str, message: str) -> None:
        """The newest state of a picture."""
        held = self._held.setdefault(experiment, {})
        self._held.move_to_end(experiment)
        self.bytes += len(message) - len(held.get(name, ""))
        held[name] = message
        while self.bytes > self._limit:
            self.drop(next(iter(self._held)))

    def drop(self, experiment: str) -> None:
        """Hold nothing of an experiment any more."""
        self.bytes -= sum(map(len, self._held.pop(experiment, {}).values()))
