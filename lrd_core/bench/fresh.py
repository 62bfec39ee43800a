"""Figures that need a process of their own: the first step's time, the resident set's peak.

``python -m lrd_core.bench.fresh JOB LIST KERNEL DEVICE THREADS`` prints one JSON object.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import torch

import lrd_core
from lrd_core import LRD
from lrd_core.bench import arms
from lrd_core.bench.rounds import synchronize
from lrd_core.bench.shapes import LISTS, Shapes, count

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_STEPS = 3


def run(job: str, shapes: str, kernel: str, device: str) -> dict[str, float]:
    """Runs a job of `JOBS` in a new Python with as many torch threads as this one.

    Args:
        job: a key of `JOBS`.
        shapes: a key of `LISTS`.
        kernel: for `LRD`; "none" is torch's fused optimizer alone.
        device: "cpu" or "cuda".
    """
    words = [job, shapes, kernel, device, str(torch.get_num_threads())]
    root = str(Path(lrd_core.__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "lrd_core.bench.fresh", *words],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _optimizer(params: list[torch.Tensor], kernel: str) -> torch.optim.Optimizer:
    base = arms.base("adam", params, "fused")
    return base if kernel == "none" else LRD(base, arms.DROP_RATE, seed=1, kernel=kernel)


def first_step(shapes: Shapes, kernel: str, device: str) -> dict[str, float]:
    """Seconds of the first `step()` of Adam, called as soon as the optimizer is made.

    The step allocates the optimizer's state, as torch's own first step does.
    """
    params = arms.parameters(shapes, device)
    optimizer = _optimizer(params, kernel)
    synchronize(device)
    began = time.perf_counter()
    optimizer.step()
    synchronize(device)
    return {"seconds": time.perf_counter() - began}


def loaded_step(shapes: Shapes, kernel: str, device: str) -> dict[str, float]:
    """`first_step` after a small optimizer's; `load_seconds` is what that one took."""
    # torch loads much of itself with its first optimizer.
    first_step([(64,)], "none", device)
    began = time.perf_counter()
    first_step([(64,)], kernel, device)
    loaded = time.perf_counter() - began
    return first_step(shapes, kernel, device) | {"load_seconds": loaded}


def state(shapes: Shapes, kernel: str, device: str) -> dict[str, float]:
    """Seconds of making two zero tensors a parameter, as a first step of Adam must."""
    params = arms.parameters(shapes, device)
    synchronize(device)
    began = time.perf_counter()
    made = [(torch.zeros_like(p), torch.zeros_like(p)) for p in params]
    synchronize(device)
    return {"seconds": time.perf_counter() - began, "tensors": 2.0 * len(made)}


def peak(shapes: Shapes, kernel: str, device: str) -> dict[str, float]:
    """Bytes a parameter that `LRD` needs in its first steps beyond torch's fused optimizer.

    Both take the same steps, from before their state exists; peak growth of one less that of the
    other. Without a way to reset the peak (Linux has one) the result is empty.
    """
    if device == "cpu" and not _CLEAR.exists():
        return {}
    first_step([(64,)], kernel, device)
    growths = []
    # The first pass also grows by the pages of torch's own code.
    for which in ("none", "none", kernel):
        params = arms.parameters(shapes, device)
        growths.append(_growth(params, which, device))
        del params
    return {"bytes": (growths[2] - growths[1]) / count(shapes)}


def _growth(params: list[torch.Tensor], kernel: str, device: str) -> int:
    before = _reset_peak(device)
    optimizer = _optimizer(params, kernel)
    for _ in range(_STEPS):
        optimizer.step()
    return _peak(device) - before


def _reset_peak(device: str) -> int:
    """Bytes in use now, from which the peak counts."""
    gc.collect()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        # Pages that malloc has kept would hide as many new ones.
        trim(0)
    _CLEAR.write_text("5")
    return _resident("VmRSS")


def _peak(device: str) -> int:
    return torch.cuda.max_memory_allocated() if device == "cuda" else _resident("VmHWM")


def _resident(key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


JOBS = {"first_step": first_step, "loaded_step": loaded_step, "state": state, "peak": peak}


def main(job: str, shapes: str, kernel: str, device: str, threads: str) -> None:
    """Entry point of the process."""
    torch.set_num_threads(int(threads))
    sys.stdout.write(json.dumps(JOBS[job](LISTS[shapes](), kernel, device)))


if __name__ == "__main__":
    main(*sys.argv[1:])
