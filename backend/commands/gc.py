"""`lrd gc`: what nobody needs any more goes, the rest takes less room."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backend.settings import Settings, load_settings
from backend.store import Store, StoreError
from backend.store.checkpoints import Rubbish, delete, rubbish
from backend.store.database import FolderLock

#: Seconds for which a deleted experiment can be brought back.
KEEP_S = 7 * 86400.0


def gc(url: str | None, dry_run: bool, as_json: bool) -> int:
    """Delete leftovers, compact all frames, give free pages back; with `dry_run` only say what.

    Raises:
        SettingError: the store cannot be opened.
    """
    settings = load_settings(store=url)
    try:
        gone, found, frames, freed = _look(settings) if dry_run else _clean(settings)
    except StoreError as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    if as_json:
        rows = [{"path": str(one.path), "bytes": one.size, "why": one.why} for one in found]
        report = {"dry_run": dry_run, "deleted": rows, "frames": frames, "freed_bytes": freed}
        report["experiments"] = gone
        sys.stdout.write(json.dumps(report) + "\n")
        return 0
    verb = "would delete" if dry_run else "deleted"
    for id in gone:
        sys.stdout.write(f"{verb} experiment {id}: it was deleted more than a week ago\n")
    for one in found:
        sys.stdout.write(f"{verb} {one.path} ({one.size / 1e6:.1f} MB): {one.why}\n")
    verb = "would compact" if dry_run else "compacted"
    sys.stdout.write(f"{verb} {frames} frames\n")
    if not dry_run:
        sys.stdout.write(f"{freed / 1e6:.1f} MB of the database were given back\n")
    return 0


#: Experiments and files that go, frames to compact, bytes given back.
Found = tuple[list[str], list[Rubbish], int, int]


def _look(settings: Settings) -> Found:
    store = Store(settings.store)
    try:
        gone = asyncio.run(store.deleted_before(time.time() - KEEP_S))
        ids = asyncio.run(store.ids()) - set(gone)
        frames = sum(tail.frames for tail in asyncio.run(store.tails()))
    finally:
        store.close()
    return gone, rubbish(settings.checkpoints, ids), frames, 0


def _clean(settings: Settings) -> Found:
    with _alone(settings):
        store = Store(settings.store)
        try:
            gone = asyncio.run(store.purge(time.time() - KEEP_S))
            found = rubbish(settings.checkpoints, asyncio.run(store.ids()))
            for one in found:
                delete(one)
            frames, freed = asyncio.run(store.tidy())
        finally:
            store.close()
    return gone, found, frames, freed


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """A server writes checkpoints and frames; its lock keeps this out, and this keeps it out."""
    if settings.several:
        # psycopg is there only with PostgreSQL.
        from backend.store.ownership import alone

        with alone(settings.store, "lrd gc"):
            yield
        return
    lock = FolderLock(settings.folder())
    try:
        yield
    finally:
        lock.release()
