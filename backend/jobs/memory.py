"""Want of memory: how it shows itself, and what helps."""

from __future__ import annotations

from pathlib import Path

import torch

ADVICE = "use a smaller batch, fewer runs or seeds, or another device"
#: Parts of what torch says when an allocation fails.
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that there was no memory left, of the machine or of a device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def first_line(error: BaseException) -> str:
    """What it says, without what torch adds below: advice for people who write code."""
    lines = str(error).splitlines() or [""]
    return lines[0].strip().rstrip(".") or type(error).__name__


def processes_ended() -> int:
    """How many processes the system has ended for want of memory since it started; 0 if unknown."""
    try:
        counters = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return 0
    for line in counters.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            return int(value)
    return 0
