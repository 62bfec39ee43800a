"""Which rows come next: none twice, none left out, none of a run that there is not."""

from __future__ import annotations

from collections.abc import Collection

from backend.jobs.closing import Close, RefusedError
from lrd_core.engine.frames import Block, Frame

#: Steps are numbers in the browser as well.
MAX_STEP = 2**53


class Ledger:
    """The newest step of every run that has sent rows since this server knows its experiment."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}

    def check(self, frame: Frame, runs: Collection[str]) -> dict[str, int]:
        """The newest steps after `frame`, to be taken over by `enter` once it is stored.

        Raises:
            RefusedError: its rows do not follow those before it.
        """
        newest = dict(self._newest)
        if not frame.blocks:
            raise _refused(frame, "it has no rows")
        for block in frame.blocks:
            if block.run not in runs:
                raise _refused(frame, f"there is no run {block.run[:20]!r}")
            if not block.columns:
                raise _refused(frame, f"its rows of {block.run} have no columns")
            if block.last > MAX_STEP:
                raise _refused(frame, f"step {block.last} is too large; use at most {MAX_STEP}")
            if _of_every_step(block):
                _follow(frame, block, newest)
        for block in frame.blocks:
            known = newest.get(block.run)
            if known is not None and block.last > known:
                raise _refused(frame, f"step {block.last} of {block.run} has no row of its own")
        return newest

    def enter(self, newest: dict[str, int]) -> None:
        self._newest = newest


def _of_every_step(block: Block) -> bool:
    """Rows of the steps themselves; others come at an interval, and may come late."""
    return block.every == 1 and "loss" in block.columns


def _follow(frame: Frame, block: Block, newest: dict[str, int]) -> None:
    known = newest.get(block.run)
    if known is not None and block.first != known + 1:
        words = f"its rows of {block.run} begin at step {block.first}, after step {known}"
        raise _refused(frame, f"{words}; send step {known + 1} next")
    newest[block.run] = block.last


def _refused(frame: Frame, words: str) -> RefusedError:
    return RefusedError(Close.ROWS, f"frame {frame.seq}: {words}")
