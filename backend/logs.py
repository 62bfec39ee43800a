"""The server's log: lines for people, or one JSON object a line (``LRD_LOG=json``)."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

from backend.settings import Settings

#: What every record has; anything else came as ``extra`` and is told.
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
TEXT_OF_WORKERS = "worker: %(levelname)s %(message)s"


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "logger", "message"}``, then what the call gave as ``extra``, then the
    traceback as ``exception``. `fields` are part of every line."""

    def __init__(self, **fields: str) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fields,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _KNOWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configuration(settings: Settings) -> dict[str, Any] | None:
    """For `logging.config.dictConfig` as uvicorn calls it; None leaves uvicorn's own in place."""
    if settings.log == "text":
        return None
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": settings.log_level.upper()},
    }


def take_over(settings: Settings) -> None:
    """Let no library write lines of its own form between the JSON ones; to be called when all of
    them have begun, since the dashboard's framework changes the server's loggers then."""
    if settings.log == "text":
        return
    logging.captureWarnings(True)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True


def configure_worker() -> None:
    """The log of the nursery and its workers, which goes where the server's goes."""
    handler = logging.StreamHandler()
    if os.environ.get("LRD_LOG") == "json":
        handler.setFormatter(JsonFormatter(process="worker"))
    else:
        handler.setFormatter(logging.Formatter(TEXT_OF_WORKERS))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
