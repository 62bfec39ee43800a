"""Where the files of a data set are on this machine: a folder the user names, or the hub's cache.

Nothing here reads what is in the files, and nothing uses the network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lrd_core.settings import SettingError

#: A folder that holds data sets, or one of them.
VARIABLE = "LRD_DATA"
#: Set (to anything but 0, false, no): nothing may be downloaded.
OFFLINE_VARIABLE = "LRD_OFFLINE"
_NO = ("", "0", "false", "no", "off")

#: Path, bytes and time of change (ns) of files: another key, other data.
Key = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Format:
    """A way to keep a data set in files.

    Attributes:
        name: ``idx``, ``parquet`` or ``text``.
        parts: patterns of file names by part, the first that matches is taken.
    """

    name: str
    parts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Hub:
    """A data set on the Hugging Face hub.

    Attributes:
        repo: its id.
        folder: where its Parquet files are in there.
        parts: names of the files in that folder, by part.
        revision: branch or commit.
    """

    repo: str
    folder: str
    parts: Mapping[str, str]
    revision: str = "main"


@dataclass(frozen=True)
class Found:
    """Files that are there: `files[part]` in order, all in `folder`."""

    format: str
    folder: Path
    files: Mapping[str, tuple[Path, ...]]

    @property
    def key(self) -> Key:
        """What tells these files from others, and from themselves after a change.

        Raises:
            OSError: a file has gone meanwhile.
        """
        paths = [path.resolve() for paths in self.files.values() for path in paths]
        return tuple((str(path), *_size_and_time(path)) for path in paths)


def _size_and_time(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns


def use(folder: str | os.PathLike[str] | None) -> None:
    """From now on this process, and every one it starts, looks for data in `folder` first.

    Args:
        folder: it holds a data set's files, or a folder of the data set's name that does; None
            takes the last choice back.

    Raises:
        SettingError: no such folder; its field is ``data``.
    """
    if folder is None:
        os.environ.pop(VARIABLE, None)
        return
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise SettingError("data", str(folder), "a folder that exists and holds data sets")
    os.environ[VARIABLE] = str(path)


def named_folder() -> Path | None:
    """The folder that `use` or ``LRD_DATA`` names; it may not exist."""
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser().resolve() if given else None


def offline() -> bool:
    """Has the user forbidden downloads?"""
    names = (OFFLINE_VARIABLE, "HF_HUB_OFFLINE")
    return any(os.environ.get(name, "").strip().lower() not in _NO for name in names)


def hub_cache() -> Path:
    """Folder of what `huggingface_hub` and `datasets` have downloaded, by their own variables."""
    if given := os.environ.get("HF_HUB_CACHE"):
        return Path(given).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "huggingface" / "hub"


def find(
    name: str, formats: tuple[Format, ...], hub: Hub, others: tuple[str, ...] = ()
) -> tuple[Found | None, str]:
    """The files of a data set, and in words where was looked for them.

    Args:
        name: of the data set, and of the folder it may have to itself; capitals, ``-`` and ``_``
            make no difference.
        formats: which it may come in.
        hub: where in the hub's cache it would be.
        others: names of other data sets: a folder called like one of them holds that one.
    """
    looked = []
    named = named_folder()
    if named is not None:
        if not named.is_dir():
            looked.append(f"{named}, which is not a folder")
        else:
            lacks = ""
            for folder in _candidates(named, name, hub, others):
                for form in formats:
                    found, missing = _match(form, folder)
                    if found is not None:
                        return found, ""
                    if missing:
                        lacks = f", where {folder} lacks {missing}"
            looked.append(f"{named}{lacks}")
    looked.append(f"{hub_cache()}")
    return _in_cache(hub), " and ".join(looked)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _candidates(named: Path, name: str, hub: Hub, others: tuple[str, ...]) -> Iterator[Path]:
    """Folders below `named` that may hold the data set, the likeliest first."""
    own = [named] if _plain(named.name) not in map(_plain, others) else []
    subfolders = sorted(path for path in named.iterdir() if path.is_dir())
    for folder in [path for path in subfolders if _plain(path.name) == _plain(name)] + own:
        yield folder
        yield folder / "raw"  # torchvision's place for IDX files
        if hub.folder and (folder != named or own):
            yield folder / hub.folder  # a copy of the hub's repository


def _match(form: Format, folder: Path) -> tuple[Found | None, str]:
    """The files of every part; else which pattern is missing, "" if none of it is there at all."""
    if not folder.is_dir():
        return None, ""
    files: dict[str, tuple[Path, ...]] = {}
    missing = ""
    for part, patterns in form.parts.items():
        for pattern in patterns:
            matching = tuple(sorted(path for path in folder.glob(pattern) if path.is_file()))
            if matching:
                files[part] = matching
                break
        else:
            missing = missing or patterns[0]
    if missing:
        return None, missing if files else ""
    return Found(form.name, folder, files), ""


def _in_cache(hub: Hub) -> Found | None:
    """The files in the newest snapshot that has them all."""
    repository = hub_cache() / ("datasets--" + hub.repo.replace("/", "--"))
    snapshots = repository / "snapshots"
    if not snapshots.is_dir():
        return None
    reference = repository / "refs" / hub.revision
    current = reference.read_text().strip() if reference.is_file() else hub.revision
    times = {path: path.stat().st_mtime for path in snapshots.iterdir() if path.is_dir()}
    newest = sorted(times, key=lambda path: (path.name == current, times[path]), reverse=True)
    for snapshot in newest:
        folder = snapshot / hub.folder
        files = {part: (folder / file,) for part, file in hub.parts.items()}
        if all(path.is_file() for paths in files.values() for path in paths):
            return Found("parquet", folder, files)
    return None
