"""The store: everything that must outlive a process, behind `Store`."""

from backend.store.database import StoreError
from backend.store.frames import SequenceGapError
from backend.store.store import Store

__all__ = ["SequenceGapError", "Store", "StoreError"]
