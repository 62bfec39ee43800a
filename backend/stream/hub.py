"""The hub: hands an experiment's news to everyone who looks at it."""

from __future__ import annotations

from typing import Any

from backend.protocol import (
    ControlMessage,
    ControlOut,
    Experiment,
    ExperimentMessage,
    ViewersMessage,
    ViewMessage,
)
from backend.stream.viewer import MAX_BYTES, News, Viewer
from backend.stream.views import Views


class Hub:
    """Viewers by experiment. All calls come from the event loop and never wait."""

    def __init__(self, viewer_bytes: int = MAX_BYTES) -> None:
        """`viewer_bytes` may wait for a viewer before it counts as too slow."""
        self._viewer_bytes = viewer_bytes
        self._viewers: dict[str, set[Viewer]] = {}
        self._views = Views()
        #: Those without a process that are still looked at.
        self._ended: set[str] = set()

    @property
    def count(self) -> int:
        """Viewers of all experiments."""
        return sum(map(len, self._viewers.values()))

    def viewers(self, experiment: str) -> int:
        return len(self._viewers.get(experiment, ()))

    def join(self, experiment: str) -> Viewer:
        """A new viewer; news queue up from now on."""
        viewer = Viewer(self._viewer_bytes)
        for message in self._views.of(experiment):
            viewer.put(News(message))
        self._viewers.setdefault(experiment, set()).add(viewer)
        self._tell_count(experiment)
        return viewer

    def leave(self, experiment: str, viewer: Viewer) -> None:
        viewers = self._viewers.get(experiment, set())
        viewers.discard(viewer)
        if viewers:
            self._tell_count(experiment)
        else:
            self._viewers.pop(experiment, None)
            if experiment in self._ended:
                self.ended(experiment)

    def frame(self, experiment: str, seq: int, data: bytes) -> None:
        """A frame was stored."""
        self._put(experiment, News(data, seq))

    def experiment(self, experiment: Experiment) -> None:
        """An experiment has changed."""
        if experiment.id in self._viewers:
            text = ExperimentMessage(experiment=experiment).model_dump_json()
            self._put(experiment.id, News(text))

    def control(self, experiment: str, control: ControlOut) -> None:
        """A control took effect."""
        if experiment in self._viewers:
            text = ControlMessage(control=control).model_dump_json()
            self._put(experiment, News(text, key=control.id))

    def view(self, experiment: str, name: str, content: dict[str, Any]) -> None:
        """A picture has a new state; the newest of each is kept for whoever comes later."""
        message = ViewMessage(name=name, content=content).model_dump_json()
        # Pictures, and what is half computed, mean nothing to whoever comes later.
        whole = content.get("progress", 1.0) == 1.0
        if whole and name not in ("picture", "usage"):
            self._views.put(experiment, name, message)
            self._ended.discard(experiment)
        self._put(experiment, News(message))

    def ended(self, experiment: str) -> None:
        """Its process is gone: its pictures go as soon as nobody looks."""
        if experiment in self._viewers:
            self._ended.add(experiment)
        else:
            self._ended.discard(experiment)
            self._views.drop(experiment)

    def _tell_count(self, experiment: str) -> None:
        text = ViewersMessage(viewers=self.viewers(experiment)).model_dump_json()
        self._put(experiment, News(text))

    def _put(self, experiment: str, news: News) -> None:
        for viewer in self._viewers.get(experiment, ()):
            viewer.put(news)
