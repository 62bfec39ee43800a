"""Data sets: which are here, and downloading one. No job ever downloads anything."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request

from backend.errors import ApiError
from backend.protocol import DataSetInfo
from backend.services import kept
from lrd_core import data
from lrd_core.problems import PROBLEMS
from lrd_core.settings import SettingError

log = logging.getLogger(__name__)

router = APIRouter(prefix="/data", tags=["data"])


@dataclass
class Download:
    """A download as it stands: bytes done of all; `error` once it has failed."""

    done: int = 0
    total: int = 0
    ended: bool = False
    error: SettingError | None = None

    @property
    def progress(self) -> float:
        return min(self.done / self.total, 1.0) if self.total else 0.0


class Downloads:
    """The downloads of one server, each in a thread of its own, at most one a data set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Download] = {}

    def of(self, name: str) -> Download | None:
        """The newest download of a data set; None before the first."""
        return self._newest.get(name)

    def start(self, name: str) -> None:
        """Start one, unless one is under way."""
        with self._lock:
            under_way = self._newest.get(name)
            if under_way is not None and not under_way.ended:
                return
            download = self._newest[name] = Download()
        # A daemon: half a download must not keep the server from ending, the next goes on with it.
        threading.Thread(
            target=self._run, args=(name, download), name=f"download-{name}", daemon=True
        ).start()

    def _run(self, name: str, download: Download) -> None:
        def progress(done: int, total: int) -> None:
            download.done, download.total = done, total

        try:
            data.download(name, progress)
        except SettingError as error:
            download.error = error
        except Exception as error:
            log.exception("download of %s", name)
            download.error = SettingError("data", name, f"a later attempt ({error})")
        finally:
            download.ended = True


async def downloads(request: Request) -> Downloads:
    """The downloads of the application that handles `request`."""
    return kept(request, Downloads)


def data_set_info(data_set: data.DataSet, download: Download | None) -> DataSetInfo:
    """A data set as it stands."""
    found = data.state(data_set.name)
    state: Literal["present", "missing", "downloading", "failed"] = found.state
    message, progress = "", None
    if download is not None and not download.ended:
        state, progress = "downloading", download.progress
    elif download is not None and _stands(download.error, found):
        state, message = "failed", str(download.error)
    elif found.state == "missing":
        message = str(data.missing(data_set.name))
    return DataSetInfo(
        name=data_set.name,
        label=data_set.label,
        about=data_set.about,
        bytes=data_set.size,
        licence=data_set.licence,
        state=state,
        where=found.where,
        progress=progress,
        message=message,
        problems=[p.name for p in PROBLEMS.values() if p.data == data_set.name],
    )


def _stands(error: SettingError | None, found: data.State) -> bool:
    """Does a failed download still say how things are? Not if the data have come another way."""
    return error is not None and (found.state == "missing" or isinstance(error, data.BadDataError))


At = Annotated[Downloads, Depends(downloads)]


# Plain functions: FastAPI runs them in threads, since they look into folders.
@router.get("")
def data_sets(at: At) -> list[DataSetInfo]:
    """Every data set, and whether it is here."""
    return [data_set_info(one, at.of(one.name)) for one in data.DATASETS.values()]


@router.post("/{name}", status_code=202)
def download(name: Annotated[str, Path(max_length=100)], at: At) -> DataSetInfo:
    """Download a data set in the background, unless it is here already or on its way."""
    if name not in data.DATASETS:
        allowed = "one of " + ", ".join(data.DATASETS)
        message = f"name: there is no data set {name!r}; use {allowed}"
        raise ApiError(404, "name", name, allowed, message)
    if data.state(name).state == "missing":
        data.check_online(name)
    at.start(name)
    return data_set_info(data.DATASETS[name], at.of(name))
