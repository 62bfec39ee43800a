"""`lrd gc`: what nobody needs any more goes, the rest takes less room."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from backend.settings import Settings, load_settings
from backend.store import Store, StoreError
from backend.store.checkpoints import Rubbish, delete, rubbish
from backend.store.database import FolderLock


def gc(url: str | None, dry_run: bool, as_json: bool) -> int:
    """Delete leftovers, compact all frames, give free pages back; with `dry_run` only say what.

    Raises:
        SettingError: the store cannot be opened.
    """
    settings = load_settings(store=url)
    try:
        found, frames, freed = _look(settings) if dry_run else _clean(settings)
    except StoreError as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    if as_json:
        rows = [{"path": str(one.path), "bytes": one.size, "why": one.why} for one in found]
        report = {"dry_run": dry_run, "deleted": rows, "frames": frames, "freed_bytes": freed}
        sys.stdout.write(json.dumps(report) + "\n")
        return 0
    verb = "would delete" if dry_run else "deleted"
    for one in found:
        sys.stdout.write(f"{verb} {one.path} ({one.size / 1e6:.1f} MB): {one.why}\n")
    verb = "would compact" if dry_run else "compacted"
    sys.stdout.write(f"{verb} {frames} frames\n")
    if not dry_run:
        sys.stdout.write(f"{freed / 1e6:.1f} MB of the database were given back\n")
    return 0


def _look(settings: Settings) -> tuple[list[Rubbish], int, int]:
    store = Store(settings.store)
    try:
        ids = asyncio.run(store.ids())
        frames = sum(tail.frames for tail in asyncio.run(store.tails()))
    finally:
        store.close()
    return rubbish(settings.checkpoints, ids), frames, 0


def _clean(settings: Settings) -> tuple[list[Rubbish], int, int]:
    with _alone(settings):
        store = Store(settings.store)
        try:
            found = rubbish(settings.checkpoints, asyncio.run(store.ids()))
            for one in found:
                delete(one)
            frames, freed = asyncio.run(store.tidy())
        finally:
            store.close()
    return found, frames, freed


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
