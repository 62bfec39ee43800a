"""docs/protocol.md: its bytes are a frame, its tables are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from backend.api.metrics import Metrics
from backend.protocol import PROTOCOL_VERSION, ServerMessage
from backend.services import Services
from backend.stream import checks
from backend.stream.viewer import MAX_BYTES, MAX_ITEMS
from backend.stream.wire import message
from lrd_core.engine.frames import VERSION, Block, Frame, decode, encode, packed

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text("utf-8")


def fenced(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


def documented_bytes() -> bytes:
    """The hexadecimal pairs at the start of every line; two spaces part them from the words."""
    pairs = [re.match(r"\s*((?:[0-9a-f]{2} {1,2})+)", line) for line in fenced("hex").splitlines()]
    return bytes.fromhex("".join(found[1] for found in pairs if found))


def documented_frame() -> Any:
    return json.loads(fenced("json"))


def test_the_bytes_are_the_frame_beside_them() -> None:
    data = documented_bytes()
    assert f"\n{len(data)} bytes:" in TEXT
    frame = decode(data)
    assert [frame.v, frame.seq] == [VERSION, 7]
    shown = [
        {
            "run": block.run,
            "first": block.first,
            "every": block.every,
            "rows": block.rows,
            "columns": {
                name: [dtype, block.column(name).tolist()]
                for name, (dtype, _) in block.columns.items()
            },
        }
        for block in frame.blocks
    ]
    assert {"v": frame.v, "seq": frame.seq, "blocks": shown} == documented_frame()


def test_the_frame_has_these_bytes() -> None:
    blocks = [
        Block(
            block["run"],
            block["first"],
            block["every"],
            block["rows"],
            packed({name: values for name, (_, values) in block["columns"].items()}),
        )
        for block in documented_frame()["blocks"]
    ]
    data = encode(Frame(VERSION, 7, blocks))
    assert data == documented_bytes()
    head = message(data).removesuffix(data).hex(" ")
    assert f"`{head}`" in TEXT


def test_versions_messages_codes_and_bounds_are_those_of_the_code() -> None:
    assert f"version of this format: {VERSION} " in TEXT
    assert f"&v={PROTOCOL_VERSION}`" in TEXT
    kinds = [kind.model_fields["type"].default for kind in ServerMessage.__origin__.__args__]
    assert all(f"| `{kind}` |" in TEXT for kind in kinds)
    names = ("BAD", "UNKNOWN", "FOREIGN", "TOO_LONG", "BEYOND", "VERSION")
    codes = [getattr(checks, name) for name in names]
    assert all(f"| {code} |" in TEXT for code in codes)
    assert len(re.findall(r"^\| 44\d\d \|", TEXT, re.MULTILINE)) == len(codes)
    assert f"{checks.MAX_TEXT:,} characters" in TEXT
    assert f"{MAX_ITEMS} messages and {MAX_BYTES // 10**6} MB" in TEXT


async def test_every_metric_is_described(services: Services) -> None:
    def written(family: Metric) -> str:
        return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")

    names = [written(family) for family in Metrics(services).collect()]
    assert names
    assert [name for name in names if f"`{name}`" not in TEXT] == []
