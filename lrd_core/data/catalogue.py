"""The data sets by name: is it here, load it, download it."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from dataclasses import dataclass
from typing import Literal, overload

from lrd_core.data import sets
from lrd_core.data.data_set import DataSet, Images, ImageSet, Text, TextSet
from lrd_core.data.download import Progress, fetch, forbid_offline
from lrd_core.data.errors import BadDataError, MissingDataError
from lrd_core.data.places import Found, Key, find, hub_cache
from lrd_core.settings import SettingError

#: Data sets that stay in memory: whoever switches back and forth waits once.
KEPT = 4


def _found() -> dict[str, DataSet]:
    """The `DATA_SET` of every module in `sets`, by name."""
    paths = (f"{sets.__name__}.{module.name}" for module in pkgutil.iter_modules(sets.__path__))
    known: list[DataSet] = [importlib.import_module(path).DATA_SET for path in paths]
    return {one.name: one for one in sorted(known, key=lambda one: one.label)}


#: Every data set by name.
DATASETS: dict[str, DataSet] = _found()


@dataclass(frozen=True)
class State:
    """Whether a data set is on this machine.

    Attributes:
        where: the folder that holds it, else where was looked for it, in words.
    """

    state: Literal["present", "missing"]
    where: str


def get_data_set(name: str) -> DataSet:
    """The data set called `name`.

    Raises:
        SettingError: no such data set; its field is ``data``.
    """
    if name not in DATASETS:
        raise SettingError("data", name, "one of " + ", ".join(DATASETS))
    return DATASETS[name]


def state(name: str) -> State:
    """Is the data set here? Looks for its files and reads none, so a bad file is told by loading.

    Raises:
        SettingError: no such data set.
    """
    found, looked = _look(get_data_set(name))
    return State("missing", looked) if found is None else State("present", str(found.folder))


def missing(name: str) -> MissingDataError:
    """The error that `load_images` or `load_text` raises while the data set is not here."""
    data_set = get_data_set(name)
    return _missing(data_set, _look(data_set)[1])


def _missing(data_set: DataSet, looked: str) -> MissingDataError:
    return MissingDataError(data_set.name, data_set.label, in_words(data_set.size), looked)


def check_online(name: str) -> None:
    """Raises the `DownloadError` that `download` would, where downloads are forbidden."""
    forbid_offline(get_data_set(name))


def load_images(name: str) -> Images:
    """The images of an image data set; the same tensors for everyone in this process.

    Raises:
        MissingDataError: it is not on this machine; nothing is ever downloaded here.
        BadDataError: a file that is not what it should be.
        SettingError: no image data set of this name.
    """
    data_set = get_data_set(name)
    if not isinstance(data_set, ImageSet):
        raise _not_of_kind(name, ImageSet)
    return read(data_set)


def load_text(name: str) -> Text:
    """The text of a text data set; the same tensors for everyone in this process.

    Raises:
        MissingDataError, BadDataError, SettingError: as `load_images`.
    """
    data_set = get_data_set(name)
    if not isinstance(data_set, TextSet):
        raise _not_of_kind(name, TextSet)
    return read(data_set)


def _not_of_kind(name: str, kind: type[DataSet]) -> SettingError:
    names = [one.name for one in DATASETS.values() if isinstance(one, kind)]
    return SettingError("data", name, "one of " + ", ".join(names))


_kept: dict[tuple[str, Key], Images | Text] = {}
_reading = threading.Lock()


@overload
def read(data_set: ImageSet) -> Images: ...
@overload
def read(data_set: TextSet) -> Text: ...
@overload
def read(data_set: DataSet) -> Images | Text: ...
def read(data_set: DataSet) -> Images | Text:
    """A data set's content, whether it is in `DATASETS` or not; see `load_images`."""
    found, looked = _look(data_set)
    if found is None:
        raise _missing(data_set, looked)
    with _reading:
        try:
            key = (data_set.name, found.key)
        except OSError as error:
            raise data_set.bad(found.folder, f"a file has gone ({error})") from None
        content = _kept.pop(key, None) or data_set.read(found)
        _kept[key] = content  # the last used comes last
        while len(_kept) > KEPT:
            del _kept[next(iter(_kept))]
    return content


def _look(data_set: DataSet) -> tuple[Found | None, str]:
    others = tuple(name for name in DATASETS if name != data_set.name)
    return find(data_set.name, data_set.formats, data_set.hub, others)


def in_words(size: int) -> str:
    """Bytes for a person: ``144 MB``, ``0.7 MB``."""
    return f"{size / 1e6:.1f} MB" if size < 10e6 else f"{size / 1e6:.0f} MB"


def download(name: str, progress: Progress = lambda done, total: None) -> None:
    """Download a data set into the hub's cache and check it; what is here already is only checked.

    What is in that cache but not what it should be is downloaded again.

    Args:
        name: of the data set.
        progress: called with the bytes that have come and all that there are, from this thread
            or one of the downloader's.

    Raises:
        DownloadError: downloads are forbidden (``LRD_OFFLINE``), or it did not come about.
        BadDataError: what came, or what the user's own folder holds, is not what it should be.
        SettingError: no such data set.
    """
    get(get_data_set(name), progress)


def get(data_set: DataSet, progress: Progress) -> None:
    """`download` for a data set, whether it is in `DATASETS` or not."""
    found, _ = _look(data_set)
    if found is None:
        fetch(data_set, progress)
    else:
        try:
            read(data_set)
            return
        except BadDataError:
            if not found.folder.is_relative_to(hub_cache()):
                raise
        fetch(data_set, progress, again=True)
    read(data_set)
