"""The hub: hands an experiment's news to everyone who looks at it."""

from __future__ import annotations

import asyncio
from typing import Any

from backend.protocol import (
    ControlMessage,
    ControlOut,
    Experiment,
    ExperimentMessage,
    ViewersMessage,
    ViewMessage,
)
from backend.stream.shared import SharedReads
from backend.stream.traffic import Traffic
from backend.stream.viewer import MAX_BYTES, News, Viewer
from backend.stream.views import Views
from backend.stream.wire import Wire

#: Seconds in which changes of the number of viewers are told once.
COUNT_S = 0.05


class Hub:
    """Viewers by experiment. All calls come from the event loop and never wait.

    News go out after the call that brought them, so that a job's acknowledgement does not wait for
    its viewers.
    """

    def __init__(self, viewer_bytes: int = MAX_BYTES) -> None:
        """`viewer_bytes` may wait for a viewer before it counts as too slow."""
        self.traffic = Traffic()
        self.reads = SharedReads()
        self._viewer_bytes = viewer_bytes
        self._viewers: dict[str, set[Viewer]] = {}
        self._views = Views()
        #: Viewers that other servers of the same store have, by experiment.
        self._elsewhere: dict[str, int] = {}
        #: Those without a process that are still looked at.
        self._ended: set[str] = set()
        self._outgoing: list[tuple[str, News]] = []
        self._counting: set[str] = set()

    @property
    def count(self) -> int:
        """Viewers of all experiments."""
        return sum(map(len, self._viewers.values()))

    def viewers(self, experiment: str) -> int:
        """Its viewers, those of other servers too."""
        return self.here(experiment) + self._elsewhere.get(experiment, 0)

    def here(self, experiment: str) -> int:
        """Its viewers in this server."""
        return len(self._viewers.get(experiment, ()))

    def watched(self) -> dict[str, int]:
        """Viewers in this server by experiment."""
        return {id: len(viewers) for id, viewers in self._viewers.items() if viewers}

    def elsewhere(self, experiment: str, viewers: int) -> None:
        """Other servers have so many viewers of it now."""
        if viewers != self._elsewhere.get(experiment, 0):
            self._elsewhere[experiment] = viewers
            if not viewers:
                del self._elsewhere[experiment]
            self._tell_count(experiment)

    def views(self, experiment: str) -> list[str]:
        """The messages that tell the newest state of its pictures."""
        return self._views.of(experiment)

    def all(self) -> list[Viewer]:
        """The viewers of all experiments."""
        return [viewer for viewers in self._viewers.values() for viewer in viewers]

    @property
    def falls(self) -> int:
        """How often a viewer was so slow that what waited for it was dropped."""
        return self.traffic.sums.falls + sum(viewer.falls for viewer in self.all())

    @property
    def lag(self) -> int:
        """Frames that the slowest viewer has not been sent yet."""
        return max((viewer.lag for viewer in self.all()), default=0)

    def join(self, experiment: str, wire: Wire | None = None) -> Viewer:
        """A new viewer; news queue up from now on."""
        viewer = Viewer(self._viewer_bytes, wire)
        self._viewers.setdefault(experiment, set()).add(viewer)
        self._show_views(experiment, viewer)
        self._tell_count(experiment)
        return viewer

    def leave(self, experiment: str, viewer: Viewer) -> None:
        viewers = self._viewers.get(experiment, set())
        viewers.discard(viewer)
        self.traffic.sums.falls += viewer.falls
        if viewers:
            self._tell_count(experiment)
        else:
            self._viewers.pop(experiment, None)
            if experiment in self._ended:
                self.ended(experiment)

    def catching_up(self, experiment: str, viewer: Viewer) -> None:
        """What waited for a viewer is part of what it is now told anew; pictures are not stored."""
        viewer.restart()
        self._show_views(experiment, viewer)

    def _show_views(self, experiment: str, viewer: Viewer) -> None:
        for name, message in self._views.named(experiment).items():
            viewer.put(News(message, key=_view(name)))

    def frame(self, experiment: str, seq: int, data: bytes) -> None:
        """A frame was stored."""
        self.traffic.frame(len(data))
        self._put(experiment, News(data, seq))

    def experiment(self, experiment: Experiment) -> None:
        """An experiment has changed."""
        if experiment.id in self._viewers:
            text = ExperimentMessage(experiment=experiment).model_dump_json()
            self._put(experiment.id, News(text, key="experiment"))

    def control(self, experiment: str, control: ControlOut) -> None:
        """A control took effect."""
        if experiment in self._viewers:
            text = ControlMessage(control=control).model_dump_json()
            self._put(experiment, News(text, key=control.id))

    def view(self, experiment: str, name: str, content: dict[str, Any]) -> None:
        """A picture has a new state; the newest of each is kept for whoever comes later."""
        message = ViewMessage(name=name, content=content).model_dump_json()
        # Pictures, and what is half computed or failed, mean nothing to whoever comes later.
        whole = content.get("progress", 1.0) == 1.0 and "error" not in content
        if whole and name not in ("picture", "usage"):
            self._views.put(experiment, name, message)
            self._ended.discard(experiment)
        self._put(experiment, News(message, key=_view(name)))

    def ended(self, experiment: str) -> None:
        """Its process is gone: its pictures go as soon as nobody looks."""
        if experiment in self._viewers:
            self._ended.add(experiment)
        else:
            self._ended.discard(experiment)
            self._views.drop(experiment)

    def _tell_count(self, experiment: str) -> None:
        """Soon, once for all that come and go together: a crowd must not tell each of each."""
        if experiment not in self._counting:
            self._counting.add(experiment)
            asyncio.get_running_loop().call_later(COUNT_S, self._count, experiment)

    def _count(self, experiment: str) -> None:
        self._counting.discard(experiment)
        text = ViewersMessage(viewers=self.viewers(experiment)).model_dump_json()
        self._put(experiment, News(text, key="viewers"))

    def _put(self, experiment: str, news: News) -> None:
        if experiment not in self._viewers:
            return
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._fan_out)
        self._outgoing.append((experiment, news))

    def _fan_out(self) -> None:
        """Hand all that has come to those who look, in the order in which it came."""
        began = self.traffic.clock()
        outgoing, self._outgoing = self._outgoing, []
        for experiment, news in outgoing:
            sent = 0
            for viewer in self._viewers.get(experiment, ()):
                sent += viewer.put(news)
            self.traffic.sent(len(news.data), sent)
        self.traffic.fan_out.add(self.traffic.clock() - began)


def _view(name: str) -> str:
    """Under which key the states of a picture follow each other."""
    return f"view:{name}"
