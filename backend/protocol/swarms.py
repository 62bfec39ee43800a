"""Basin pictures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.protocol.base import Input, Value
from backend.protocol.experiments import RunIn


class SwarmIn(Input):
    """Basin pictures to compute: n × n starts over a surface's view, one picture a run.

    The answer is MessagePack, see `backend.api.swarms`. `own` masks: every start has its own coins;
    `shared`: all have those of one run. `client` is who asks, any text that a page keeps: of its
    requests that wait only the newest is computed.
    """

    problem: str = "beale"
    settings: dict[str, Value] = Field(
        default_factory=dict, description="of the surface, e.g. rotation; a start does not count"
    )
    n: int = 128
    steps: int = 500
    seed: int = 0
    masks: Literal["own", "shared"] = "own"
    runs: list[RunIn]
    client: str = Field("", max_length=40)
