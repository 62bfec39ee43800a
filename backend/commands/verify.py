"""`lrd verify`: every checksum, frame, row and checkpoint, beside a server that runs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from backend.settings import load_settings
from backend.store import Store, StoreError
from backend.store.checkpoints import broken, files

#: Sentences that are printed at most.
MOST = 100


def verify(url: str | None, as_json: bool) -> int:
    """Look at everything that is stored; 1 if anything is bad.

    Raises:
        SettingError: the store cannot be opened.
    """
    settings = load_settings(store=url)
    try:
        store = Store(settings.store)
        try:
            found = store.verify()
        finally:
            store.close()
    except StoreError as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    checkpoints = list(files(settings.checkpoints))
    found.bad += filter(None, map(broken, checkpoints))
    if as_json:
        sys.stdout.write(json.dumps({**asdict(found), "checkpoints": len(checkpoints)}) + "\n")
    else:
        sys.stdout.write(
            f"{found.experiments} experiments, {found.values} values in {found.chunks} chunks and "
            f"{found.frames} frames, {len(checkpoints)} checkpoints: "
            f"{f'{len(found.bad)} bad' if found.bad else 'all whole'}\n"
        )
        for sentence in found.bad[:MOST]:
            sys.stdout.write(f"  {sentence}\n")
        if len(found.bad) > MOST:
            sys.stdout.write(f"  and {len(found.bad) - MOST} more; all with --json\n")
    return 1 if found.bad else 0
