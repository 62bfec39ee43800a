"""`lrd backup FILE`: a copy of the store, beside a server that runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from backend.settings import load_settings
from backend.store import StoreError
from backend.store.backup import backup as copy
from backend.store.checkpoints import files


def backup(file: Path, url: str | None, as_json: bool) -> int:
    """Copy the database; say that checkpoints are not in it.

    Raises:
        SettingError: the store is no SQLite file, or `file` cannot be made.
    """
    settings = load_settings(store=url)
    try:
        size = copy(settings.store, file)
    except StoreError as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    left = list(files(settings.checkpoints))
    if as_json:
        found = {"file": str(file), "bytes": size, "checkpoints_left_out": len(left)}
        sys.stdout.write(json.dumps(found) + "\n")
        return 0
    sys.stdout.write(f"{file}: {size / 1e6:.1f} MB, checked\n")
    if left:
        sys.stdout.write(
            f"{len(left)} checkpoints are not in it; without them states are made again from the "
            f"start. They lie in {settings.checkpoints}\n"
        )
    return 0
