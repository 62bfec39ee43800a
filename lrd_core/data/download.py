"""Downloads a data set's files into the cache that `huggingface_hub` and `datasets` share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from lrd_core.data.data_set import DataSet
from lrd_core.data.errors import DownloadError
from lrd_core.data.places import hub_cache, offline

#: Called with the bytes that have come and all that there are.
Progress = Callable[[int, int], None]


def fetch(data_set: DataSet, progress: Progress, again: bool = False) -> None:
    """Download every file of a data set but those that are there; goes on where it was cut off.

    Nobody's account is used. ``HF_ENDPOINT`` names a mirror.

    Args:
        data_set: whose `hub` says what and from where.
        progress: called often, from this thread or one of the downloader's.
        again: download what is there as well.

    Raises:
        DownloadError: downloads are forbidden, or a file did not come.
    """
    forbid_offline(data_set)
    # Only here: nothing else needs it, and it takes a while to import.
    from huggingface_hub import HfApi, hf_hub_url

    hub = data_set.hub
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=False, library_name="lrd-lab")
    names = [f"{hub.folder}/{name}" if hub.folder else name for name in hub.parts.values()]
    where: dict[str, Any] = {
        "repo_id": hub.repo,
        "repo_type": "dataset",
        "revision": hub.revision,
    }
    try:
        urls = [hf_hub_url(filename=name, endpoint=api.endpoint, **where) for name in names]
        sizes = [api.get_hf_file_metadata(url=url).size or 0 for url in urls]
        total = sum(sizes) or data_set.size
        done = 0
        progress(done, total)
        for name, size in zip(names, sizes, strict=True):
            api.hf_hub_download(
                filename=name,
                cache_dir=hub_cache(),
                force_download=again,
                tqdm_class=_bar(done, total, progress),
                **where,
            )
            done += size
            progress(done, total)
    # Of many libraries, by version: a lost connection, a full disk, an answer that is no file.
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        mend = f"it again once {api.endpoint} can be reached and the disk has room"
        mend += f", or {_folder(data_set)}"
        raise DownloadError(data_set.name, data_set.label, first, mend) from error


def forbid_offline(data_set: DataSet) -> None:
    """Does nothing where downloads are allowed.

    Raises:
        DownloadError: they are switched off.
    """
    if offline():
        mend = f"it without --offline (LRD_OFFLINE, HF_HUB_OFFLINE), or {_folder(data_set)}"
        raise DownloadError(data_set.name, data_set.label, "downloads are switched off", mend)


def _folder(data_set: DataSet) -> str:
    return f"name a folder that holds {data_set.label} with --data FOLDER or LRD_DATA"


def _bar(before: int, total: int, progress: Progress) -> Any:
    """A tqdm class that tells `progress` instead of drawing; `before` bytes came with other files.

    It has `update_transfer`, so that what came over the network and what was written to disk are
    not two bars: written bytes count.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, initial: int = 0, **options: Any) -> None:
            super().__init__(*args, **{**options, "initial": initial, "disable": True})
            self.written = initial

        def update(self, n: float | None = 1) -> None:
            self.written += int(n or 0)
            progress(min(before + self.written, total), total)

        def update_transfer(self, n: float) -> None:
            pass

    return Bar
