"""The server's settings: environment variables with the prefix ``LRD_``, e.g. ``LRD_PORT=9000``."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from lrd_core.settings import SettingError

#: Addresses that mean every interface, and the loopback address that reaches them.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
DATA_FOLDER = Path("data")
STORE_URL = (
    "an SQLAlchemy URL of SQLite or PostgreSQL, e.g. sqlite:///data/lrd.sqlite3 or "
    "postgresql://user:password@host/name"
)
BACKENDS = ("sqlite", "postgresql")
#: The password of a URL, which no message may show.
PASSWORD = re.compile(r"(://[^:/@]*:)[^/]*@")


class Settings(BaseSettings):
    """What can be chosen when the server starts.

    Attributes:
        host: address to listen on; loopback unless you mean to open the door.
        port: TCP port.
        store: SQLAlchemy URL of the store; relative SQLite paths count from the working folder.
        address: where other servers of the same PostgreSQL store reach this one; by default at
            `host` and `port`, or by this machine's name if it listens on every interface.
        takeover: seconds without a server that runs a PostgreSQL store's jobs, after which another
            one does.
        files: folder of checkpoints and of the worker token; by default the SQLite file's, or
            ``data``.
        allowed_hosts: further names this server may be called by (behind a proxy, in a container).
        max_body: bytes of a request's body.
        max_jobs: experiments that this machine trains at the same time; more wait in a queue. 0:
            only nodes (`lrd worker`) train.
        jobs_per_gpu: experiments on one GPU at the same time.
        viewer_bytes: what may wait for one viewer; whoever is slower is caught up from the store.
        log_level: of the server's log.
        log: ``text``, or ``json`` for one JSON object a line.
        otel: export traces and metrics with OpenTelemetry.
        idle_limit: seconds after which a finished experiment's worker is let go.
        paused_limit: seconds after which a paused experiment nobody watches may be stopped to make
            room for one that waits.
        start_limit: seconds a fresh worker may take to come up.
        return_limit: seconds in which a worker must come back after the link was cut.
        control_limit: seconds in which a control must be answered.
        away_limit: seconds for which a worker goes on without the server; then it ends, and its
            experiment can be resumed.
        unsent_bytes: memory in which a worker keeps what is not stored yet.
        spill_bytes: disk in which it keeps what is more than that; then training waits.
        worker_url: websocket address at which worker processes reach the server; by default this
            machine's own.
    """

    model_config = SettingsConfigDict(env_prefix="LRD_", extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    store: str = "sqlite:///data/lrd.sqlite3"
    address: str = ""
    takeover: float = Field(60.0, gt=0)
    files: Path | None = None
    allowed_hosts: list[str] = []
    max_body: int = Field(1_000_000, ge=1_000)
    max_jobs: int = Field(8, ge=0)
    jobs_per_gpu: int = Field(1, ge=1)
    viewer_bytes: int = Field(4_000_000, ge=10_000)
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log: Literal["text", "json"] = "text"
    otel: bool = False
    idle_limit: float = Field(600.0, gt=0)
    paused_limit: float = Field(30.0, gt=0)
    start_limit: float = Field(60.0, gt=0)
    return_limit: float = Field(10.0, gt=0)
    control_limit: float = Field(10.0, gt=0)
    away_limit: float = Field(600.0, gt=0)
    unsent_bytes: int = Field(64_000_000, ge=1)
    spill_bytes: int = Field(1_000_000_000, ge=0)
    worker_url: str = Field("", pattern=r"^(wss?://.+)?$")

    @field_validator("store")
    @classmethod
    def _known_database(cls, url: str) -> str:
        try:
            known = make_url(url).get_backend_name() in BACKENDS
        except (ArgumentError, ValueError):
            known = False
        if not known:
            raise ValueError(STORE_URL)
        return url

    @field_validator("address")
    @classmethod
    def _reachable(cls, address: str) -> str:
        if address and not re.fullmatch(r"https?://[^/?#@]+", address):
            raise ValueError("an address without a path, e.g. http://lab-1:8000")
        return address

    @property
    def several(self) -> bool:
        """Several servers may share the store."""
        return make_url(self.store).get_backend_name() == "postgresql"

    def own_address(self) -> str:
        """Where other servers reach this one."""
        host = socket.gethostname() if self.host in EVERYWHERE else self.host
        name = f"[{host}]" if ":" in host else host
        return self.address or f"http://{name}:{self.port}"

    def folder(self) -> Path:
        """Folder of the checkpoints and of the worker token."""
        if self.files is not None:
            return self.files
        url = make_url(self.store)
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return DATA_FOLDER
        return Path(url.database).parent

    @property
    def checkpoints(self) -> Path:
        """Folder of all experiments' checkpoints."""
        return self.folder() / "checkpoints"

    def link_url(self) -> str:
        """Where worker processes reach the server."""
        if self.worker_url:
            return self.worker_url
        host = EVERYWHERE.get(self.host, self.host)
        name = f"[{host}]" if ":" in host else host
        return f"ws://{name}:{self.port}/api/worker"


def load_settings(**given: Any) -> Settings:
    """The settings: `given` (None: not given) before the environment.

    Raises:
        SettingError: a value that is not allowed, its field named as the variable (``LRD_PORT``).
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        allowed = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        name = "LRD_" + str(first["loc"][0]).upper()
        value = first["input"]
        if name == "LRD_STORE":
            value = PASSWORD.sub(r"\1***@", str(value))
        raise SettingError(name, value, allowed[:1].lower() + allowed[1:]) from None
    except SettingsError as error:  # a list that is not JSON
        found = re.search(r'field "(\w+)"', str(error))
        name = "LRD_" + (found.group(1).upper() if found else "")
        allowed = 'a JSON list of texts, e.g. ["lab.example"]'
        raise SettingError(name, os.environ.get(name), allowed) from None
