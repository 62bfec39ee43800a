"""Several servers, one audience: what happens in the server that runs the jobs, told in all.

Frames and controls are told by the store itself, in the transaction that stores them
(`store.notify`): the others read them from the store. That an experiment has changed is told, too;
how it stands is asked of the server that runs it. Pictures are not stored: they travel whole, in
parts, and only to servers with somebody who looks. Each of those says how many look there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import defaultdict
from typing import Any, Protocol

from backend.protocol import ControlOut, Experiment
from backend.store import Store
from backend.store.notify import STORED
from backend.stream.hub import Hub
from backend.stream.notifications import MAX_BYTES, Notifications

log = logging.getLogger(__name__)

#: From the server that runs the jobs, and to it.
NEWS, LOOKING = "lrd_news", "lrd_looking"
#: How often it is looked who looks.
LOOK_S = 0.25
#: How often a server says again how many look there; who has not for `FORGET_S` is gone.
REPEAT_S, FORGET_S = 5.0, 16.0
#: Frames read at once.
FRAMES = 64


class Source(Protocol):
    """Where an experiment as it stands comes from (the manager)."""

    async def experiment(self, id: str) -> Experiment: ...


class Relay:
    """An audience (see `backend.jobs.job.Audience`) in this server and all others.

    `leading` says that this server runs the jobs: it tells, the others listen.
    """

    def __init__(self, url: str, store: Store, hub: Hub) -> None:
        self.leading = False
        self._name = secrets.token_hex(8)
        self._store = store
        self._hub = hub
        self._notifications = Notifications(url)
        #: Who looks in which other server: experiment, server → viewers, when it was said.
        self._looking: dict[str, dict[str, tuple[int, float]]] = defaultdict(dict)
        #: What was last said of who looks.
        self._said: dict[str, int] = {}
        self._said_at = 0.0
        #: The newest frame and the controls of each experiment that were handed on.
        self._frames: dict[str, int] = {}
        self._controls: dict[str, set[str]] = {}
        #: Parts of pictures that are still coming, by experiment and picture.
        self._parts: dict[str, dict[str, list[str]]] = defaultdict(dict)

    async def run(self, source: Source) -> None:
        """Tell and listen until cancelled; `source` knows experiments as they stand."""
        self._source = source
        channels = (STORED, NEWS, LOOKING)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notifications.speak())
            group.create_task(self._notifications.listen(channels, self._heard, self.refresh))
            group.create_task(self._look())

    # --- the audience of this server's jobs -------------------------------------------------------

    def frame(self, experiment: str, seq: int, data: bytes) -> None:
        self._hub.frame(experiment, seq, data)

    def experiment(self, experiment: Experiment) -> None:
        self._hub.experiment(experiment)
        self._notifications.send(NEWS, f"experiment {experiment.id}", f"experiment {experiment.id}")

    def control(self, experiment: str, control: ControlOut) -> None:
        self._hub.control(experiment, control)

    def view(self, experiment: str, name: str, content: dict[str, Any]) -> None:
        self._hub.view(experiment, name, content)
        if self._looking.get(experiment):
            self._send_picture(experiment, name, content)

    def viewers(self, experiment: str) -> int:
        return self._hub.viewers(experiment)

    def ended(self, experiment: str) -> None:
        self._hub.ended(experiment)
        self._notifications.send(NEWS, f"ended {experiment}", f"ended {experiment}")

    def _send_picture(self, experiment: str, name: str, content: dict[str, Any]) -> None:
        text = json.dumps(content)  # ASCII: a byte a character
        parts = [text[at : at + MAX_BYTES] for at in range(0, len(text), MAX_BYTES)]
        head = f"picture {experiment} {name}"
        told = [f"{head} {at} {len(parts)} {part}" for at, part in enumerate(parts)]
        self._notifications.send(NEWS, head, *told)

    # --- what other servers tell ------------------------------------------------------------------

    async def _heard(self, channel: str, text: str) -> None:
        kind, experiment, *rest = text.split(" ", 2)
        if channel == LOOKING:
            self._hear_looking(kind, experiment, *rest[0].split(" "))
        elif self.leading:
            return  # it said so itself
        elif kind == "ended":
            self._hub.ended(experiment)
        elif not self._hub.here(experiment):
            self._forget(experiment)
        elif kind == "frame":
            await self._hand_on_frames(experiment, int(rest[0]))
        elif kind == "experiment":
            self._hub.experiment(await self._source.experiment(experiment))
        elif kind == "control":
            await self._hand_on_controls(experiment)
        elif kind == "picture":
            self._add_part(experiment, *rest[0].split(" ", 3))

    def _forget(self, experiment: str) -> None:
        """Nobody looks here: whoever comes gets all from the store."""
        self._frames.pop(experiment, None)
        self._controls.pop(experiment, None)
        self._parts.pop(experiment, None)

    async def refresh(self) -> None:
        """Hand on all that may have been missed."""
        if self.leading:
            return
        for id in self._hub.watched():
            await self._hand_on_frames(id, await self._store.newest(id))
            await self._hand_on_controls(id)
            self._hub.experiment(await self._source.experiment(id))

    async def _hand_on_frames(self, experiment: str, newest: int) -> None:
        at = self._frames.get(experiment, newest - 1)
        while at < newest:
            found = await self._store.frames_after(experiment, at, FRAMES)
            if not found:
                # Merged with others already: whoever looks sees a gap, and is caught up.
                found = [piece async for piece in self._store.history(experiment, at)]
            for seq, data in found:
                self._hub.frame(experiment, seq, data)
            at = found[-1][0] if found else newest
        # Another task may have been further on meanwhile.
        self._frames[experiment] = max(at, self._frames.get(experiment, 0))

    async def _hand_on_controls(self, experiment: str) -> None:
        known = self._controls.setdefault(experiment, set())
        for control in await self._store.controls(experiment):
            if control.id not in known:
                known.add(control.id)
                self._hub.control(experiment, control)

    def _add_part(self, experiment: str, name: str, place: str, count: str, part: str) -> None:
        parts = self._parts[experiment].setdefault(name, [])
        if int(place) != len(parts):  # the first ones came before anybody looked here
            parts.clear()
        if int(place) == len(parts):
            parts.append(part)
        if len(parts) == int(count):
            del self._parts[experiment][name]
            self._hub.view(experiment, name, json.loads("".join(parts)))

    # --- who looks --------------------------------------------------------------------------------

    def lead(self) -> None:
        """This server runs the jobs from now on."""
        self.leading = True
        self._said = {}
        for id in self._hub.watched():
            self._hub.elsewhere(id, 0)

    def _hear_looking(self, kind: str, experiment: str, *words: str) -> None:
        if kind == "all" and not self.leading:
            others = int(words[0]) - self._hub.here(experiment)
            self._hub.elsewhere(experiment, max(0, others))
        elif kind == "at" and self.leading:
            server, viewers = words[0], int(words[1])
            before, _ = self._looking[experiment].get(server, (0, 0.0))
            self._looking[experiment][server] = (viewers, time.monotonic())
            if viewers and not before:
                for message in self._hub.views(experiment):
                    view = json.loads(message)
                    self._send_picture(experiment, view["name"], view["content"])

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self.leading:
                self._say_all(time.monotonic())
            else:
                self._say_own(time.monotonic())

    def _say_own(self, now: float) -> None:
        """How many look here, for the server that runs the jobs."""
        here = self._hub.watched()
        again = now - self._said_at >= REPEAT_S
        for id in here.keys() | self._said.keys():
            count = here.get(id, 0)
            if again or count != self._said.get(id):
                self._notifications.send(LOOKING, f"at {id}", f"at {id} {self._name} {count}")
        self._said = here
        if again:
            self._said_at = now

    def _say_all(self, now: float) -> None:
        """How many look at what others look at, in all servers together."""
        for id, servers in list(self._looking.items()):
            for server, (viewers, said_at) in list(servers.items()):
                if not viewers or now - said_at > FORGET_S:
                    del servers[server]
            self._hub.elsewhere(id, sum(viewers for viewers, _ in servers.values()))
            total = self._hub.viewers(id)
            if servers and self._said.get(id) != total:
                self._said[id] = total
                self._notifications.send(LOOKING, f"all {id}", f"all {id} {total}")
            if not servers:
                del self._looking[id]
                self._said.pop(id, None)
