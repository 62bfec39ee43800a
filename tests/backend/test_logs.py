"""The log as JSON: every line one object, whoever wrote it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from backend.logs import JsonFormatter
from tests.backend.server import running_server, until


def line(**record: Any) -> Any:
    made = logging.makeLogRecord({"name": "lrd", "levelname": "ERROR", "created": 0.5, **record})
    text = JsonFormatter(process="worker").format(made)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_has_the_words_what_was_given_and_the_cause() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        told = line(
            msg="lost %d",
            args=(3,),
            experiment="e1",
            path=Path("x"),
            exc_info=(type(error), error, error.__traceback__),
        )
    assert told.pop("exception").endswith("ValueError: first\nsecond")
    assert told == {
        "time": "1970-01-01T00:00:00.500Z",
        "level": "error",
        "logger": "lrd",
        "message": "lost 3",
        "process": "worker",
        "experiment": "e1",
        "path": "x",
    }


def test_a_server_writes_nothing_but_json(tmp_path: Path) -> None:
    with running_server(tmp_path, dashboard=True, log="json", log_level="info") as server:
        id = server.create(problem="booth", paused=True)["id"]
        with server.watch(id) as viewer:
            viewer.recv()
            viewer.send("nonsense")
            until(lambda: "viewer left" in server.log, what="the end of the viewer")
        server.stop()
        texts = [text for text in server.log.splitlines() if text != f"LRD Lab: {server.url}"]
        lines = [json.loads(text) for text in texts]
    assert {"time", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    told = {one["message"].split(":")[0]: one for one in lines if one.get("experiment") == id}
    assert list(told) == ["viewer came", "viewer refused", "viewer left"]
    assert told["viewer came"]["after"] == 0
    assert any(one["logger"].startswith("uvicorn") for one in lines)
