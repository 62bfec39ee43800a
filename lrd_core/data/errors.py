"""What can be wrong with data: not there, not what it should be, not to be had."""

from __future__ import annotations

from pathlib import Path

from lrd_core.settings import SettingError


class _DataError(SettingError):
    """A `SettingError` of the field ``data`` whose sentence tells what is wrong, then the mend."""

    def __init__(self, value: object, wrong: str, mend: str) -> None:
        super().__init__("data", value, mend)
        self.args = (f"data: {wrong}; use {mend}",)


class MissingDataError(_DataError):
    """A data set that is not on this machine.

    Attributes:
        value: the data set's name.
        allowed: both mends: the download, and a folder that holds it.
    """

    def __init__(self, name: str, label: str, size: str, looked: str) -> None:
        wrong = f"{label} ({size} to download) is not on this machine (looked in {looked})"
        mend = (
            f"`lrd data get {name}` or the button on the Train page to download it once, or name "
            "a folder that holds it with --data FOLDER or LRD_DATA"
        )
        super().__init__(name, wrong, mend)


class BadDataError(_DataError):
    """A file that is not what it should be: truncated, another data set, another format.

    Attributes:
        value: the file's path.
    """

    def __init__(self, path: Path, label: str, wrong: str, mend: str) -> None:
        super().__init__(str(path), f"{path} is not usable as {label}: {wrong}", mend)


class DownloadError(_DataError):
    """A download that did not come about.

    Attributes:
        value: the data set's name.
    """

    def __init__(self, name: str, label: str, wrong: str, mend: str) -> None:
        super().__init__(name, f"{label} was not downloaded: {wrong}", mend)
