"""Learning Rate Dropout: the optimizer wrapper and everything that trains and measures with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lrd_core.optim.lrd import LRD

__all__ = ["LRD", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Only here is torch imported: settings and frames stay quick to load without it.
    if name == "LRD":
        from lrd_core.optim.lrd import LRD

        return LRD
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
