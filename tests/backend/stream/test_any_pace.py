"""At whatever pace one reads: every row and every control comes once, the newest state last."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from backend.services import Services
from backend.store.records import control_out
from backend.stream.wire import WireProtocol
from lrd_core.engine.frames import decode
from tests.backend.store.test_store import experiment
from tests.backend.stream.alone import ROWS, publish, serving
from tests.backend.stream.test_slow_viewer import slow_viewer

FRAMES = 200
#: So many are more than any socket buffers.
MANY = 150


async def control(services: Services, number: int) -> None:
    """Stored, then told, as a job does."""
    row: dict[str, Any] = {
        "id": f"c{number}", "kind": "set", "run": "r1", "setting": "lr", "value": 0.1, "spec": None,
        "step": number, "received_step": number, "changes": [], "at": 0.0, "who": "",
    }  # fmt: skip
    await services.store.add_control(experiment(step=number), row)
    services.hub.control("e1", control_out(row))


async def read(viewer: ClientConnection, chance: random.Random, many: asyncio.Event) -> list[str]:
    """Read to the last frame and the last picture; the controls. After the first message it rests
    until there are `many` frames."""
    step, seq, picture = 0, 0, ""
    controls: list[str] = []
    while seq < FRAMES or picture != f"map {FRAMES}" or len(controls) < FRAMES // 5:
        if chance.random() < 0.1:
            await asyncio.sleep(chance.random() / 20)
        message = await asyncio.wait_for(viewer.recv(), 30)
        await many.wait()
        if isinstance(message, bytes):
            frame = decode(message)
            seq = frame.seq
            for block in frame.blocks:
                assert block.first == step + 1
                step = block.last
            continue
        told = json.loads(message)
        if told["type"] == "hello":
            # All of them; those told before are among them, and none of them is told again.
            known = [one["id"] for one in told["controls"]]
            assert known[: len(controls)] == controls
            controls = known
        elif told["type"] == "control":
            assert told["control"]["id"] not in controls
            controls.append(told["control"]["id"])
        elif told["type"] == "view":
            picture = told["content"]["map"]
    assert step == FRAMES * ROWS
    return controls


@pytest.mark.parametrize("seed", range(3))
async def test_every_row_and_control_comes_once(services: Services, seed: int) -> None:
    chance = random.Random(seed)
    async with serving(services, WireProtocol) as address, slow_viewer(address) as slow:
        many = asyncio.Event()
        reading = asyncio.create_task(read(slow, random.Random(-seed), many))
        for number in range(1, FRAMES + 1):
            await publish(services, number)
            if number % 5 == 0:
                await control(services, number)
            services.hub.view("e1", "plane", {"map": f"map {number}"})
            if number == MANY:
                many.set()
            if number >= MANY and chance.random() < 0.3:
                await asyncio.sleep(chance.random() / 30)
        controls = await reading
        assert services.hub.falls > 0
    assert controls == [f"c{number}" for number in range(5, FRAMES + 1, 5)]
