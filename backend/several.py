"""Several servers on one PostgreSQL store: one runs the jobs, all serve viewers.

Who holds the advisory lock (`store.ownership`) leads. The others read the store, hear of news by
LISTEN (`stream.relay`) and pass changes on to the leader (`forward`). When nobody has led for
`Settings.takeover` seconds, one of them does: until then the old leader may come back, to whose
address its workers return.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import psycopg
from sqlalchemy.exc import OperationalError

from backend.errors import unknown_experiment
from backend.forward import client
from backend.jobs.manager import Manager
from backend.jobs.process import Worker
from backend.jobs.token import worker_token
from backend.measured import MeasuredStore
from backend.protocol import Experiment
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.store.ownership import Ownership
from backend.stream.hub import Hub
from backend.stream.relay import Relay
from lrd_core.settings import SettingError

log = logging.getLogger(__name__)

#: How often it is looked who leads.
LOOK_S = 1.0
#: What the leader may take to say how an experiment stands.
ASK_S = 2.0


class Colleague(Manager):
    """The manager of one of several servers: without jobs until it leads."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        relay: Relay,
        token: str,
        ownership: Ownership,
    ) -> None:
        super().__init__(settings, store, relay, token)
        #: Address of the server that leads; empty if it is this one, or none.
        self.leader = ""
        self._relay = relay
        self._ownership = ownership
        self._client = client()
        #: What runs while it leads.
        self._leads = AsyncExitStack()
        #: Since when nobody leads.
        self._alone_since: float | None = None

    @property
    def leading(self) -> bool:
        """This server runs the jobs."""
        return self._relay.leading

    async def start(self) -> None:
        """Lead, if no other server does.

        Raises:
            SettingError: the other one has the same address.
        """
        own = self._settings.own_address()
        # Its own last life may still hold the lock, where it ran on another machine's network.
        deadline = time.monotonic() + self._settings.return_limit
        while not await self._ownership.take():
            self.leader = await self._ownership.owner()
            if self.leader not in ("", own):
                log.warning("the jobs of this store are run by %s; changes go there", self.leader)
                return
            if time.monotonic() > deadline:
                allowed = "where other servers reach this one; another server has the same address"
                raise SettingError("LRD_ADDRESS", own, allowed)
            await asyncio.sleep(LOOK_S / 4)
        await self._lead()

    async def _lead(self) -> None:
        self.leader = ""
        self._relay.lead()
        await self._leads.enter_async_context(self._store.compacting())
        await super().start()

    async def watch(self) -> None:
        """Look who leads, until cancelled; lead when nobody has for long enough."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await (self._keep() if self.leading else self._follow())
            except psycopg.Error as error:  # the database is away: nobody can lead
                log.debug("who leads is not known: %s", error)
            except Exception:
                log.exception("the jobs of this store could not be looked after")
                _end()

    async def _keep(self) -> None:
        """Hold the lock again if its connection was cut."""
        owner = await self._ownership.owner()
        if self._ownership.held or await self._ownership.take():
            return
        log.critical("the jobs of this store were taken over by %s; this server ends", owner)
        _end()

    async def _follow(self) -> None:
        owner = await self._ownership.owner()
        if owner == self._settings.own_address():  # it could only ask itself
            owner = ""
        changed = owner != self.leader
        self.leader = owner
        if changed:
            # Whoever looks is told whether the workers are connected.
            await self._relay.refresh()
        if owner:
            self._alone_since = None
            return
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since >= self._settings.takeover and await self._ownership.take():
            log.warning("nobody ran the jobs of this store; this server does from now on")
            self.takes_over = True
            await self._lead()

    async def experiment(self, id: str) -> Experiment:
        """The experiment as the leader knows it, or as it is stored.

        Raises:
            ApiError: 404.
        """
        if self.leading:
            return await super().experiment(id)
        stored = await self._store.experiment(id)
        if stored is None:
            raise unknown_experiment(id)
        if not self.leader:
            return stored
        try:
            path = f"{self.leader}/api/experiments/{id}"
            answer = await self._client.get(path, timeout=ASK_S)
            return Experiment.model_validate_json(answer.raise_for_status().content)
        except (httpx.HTTPError, ValueError) as error:
            log.warning("%s does not say how experiment %s stands: %s", self.leader, id, error)
            return stored

    async def welcome(
        self, name: str, pid: int, experiment: str | None, node: str = ""
    ) -> Worker | None:
        """As `Manager.welcome`; whoever comes back to a server that leads no more is to go away:
        its experiment is another's now."""
        return await super().welcome(name, pid, experiment, node) if self.leading else None

    async def close(self) -> None:
        try:
            await super().close()
        except OperationalError as error:  # the jobs are another server's now, and so is their end
            log.warning("the end of the jobs is not stored: %s", error)
        await self._leads.aclose()
        await self._client.aclose()


def _end() -> None:
    """Shut this server down, as Ctrl-C would: who starts it again gets it right again."""
    signal.raise_signal(signal.SIGTERM)


@asynccontextmanager
async def running_together(settings: Settings) -> AsyncIterator[Services]:
    """Store, hub and manager of one of several servers while it runs.

    Raises:
        SettingError: the store cannot be opened, or another server has this one's address.
        StoreError: a newer version wrote it.
    """
    ownership = Ownership(settings.store, settings.own_address())
    hub = Hub(settings.viewer_bytes)
    store = MeasuredStore(settings.store, hub.traffic.stored, guard=ownership.check)
    try:
        relay = Relay(settings.store, store, hub)
        token = worker_token(settings.folder())
        manager = Colleague(settings, store, relay, token, ownership)
        services = Services(settings, store, hub, manager, token, manager)
        await manager.start()
        tasks = [asyncio.create_task(relay.run(manager)), asyncio.create_task(manager.watch())]
        try:
            yield services
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await manager.close()
    finally:
        await ownership.close()
        store.close()
