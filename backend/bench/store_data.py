"""What the benchmark of the store writes and reads: frames of real training, and a long series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.protocol import Experiment
from backend.store.frames import Packed, pack
from backend.store.records import moment
from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.frames import Block, Frame, Taken, encode, packed
from lrd_core.engine.loop import Loop

#: The tasks that need no download.
TASKS = ("digits", "noisy-digits", "spirals", "matrix-factorisation", "linear-network")
#: Rows of a frame of the long series.
FRAME_ROWS = 50_000


@dataclass
class Trained:
    """The frames of one experiment as its job sent them."""

    task: str
    frames: list[Packed] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def values(self) -> int:
        """Numbers in all columns."""
        return sum(block.rows * len(block.columns) for block in self.blocks)

    def columns(self) -> dict[tuple[str, str], tuple[NDArray[np.int64], NDArray[Any]]]:
        """Steps and values by run and column."""
        parts: dict[tuple[str, str], list[Block]] = {}
        for block in self.blocks:
            for name in block.columns:
                parts.setdefault((block.run, name), []).append(block)
        return {
            (run, name): (
                np.concatenate([np.arange(b.first, b.last + 1, b.every) for b in blocks]),
                np.concatenate([b.column(name) for b in blocks]),
            )
            for (run, name), blocks in parts.items()
        }


class _Recorder:
    def __init__(self, task: str) -> None:
        self.trained = Trained(task)

    def frame(self, rows: Taken) -> None:
        blocks = rows.blocks()
        made = Frame(1, len(self.trained.frames) + 1, blocks)
        self.trained.frames.append(pack(made, encode(made)))
        self.trained.blocks += blocks

    def _nothing(self, *_: Any) -> None:
        pass

    applied = replayed = view = status = _nothing


def trained(steps: int) -> list[Trained]:
    """The default comparison of every task, four runs each, for `steps` steps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    try:
        for task in TASKS:
            spec = replace(check_experiment({"problem": task, "steps": steps}), speed=0.0)
            recorder = _Recorder(task)
            Loop(spec, recorder, stay=False).run()
            found.append(recorder.trained)
    finally:
        torch.set_num_threads(threads)
    return found


def long_series(curves: Sequence[NDArray[Any]], rows: int) -> NDArray[np.float64]:
    """`rows` losses: real curves one after the other, each time with other noise of 1 %; values are
    exactly float32, as torch's are."""
    rng = np.random.default_rng(0)
    joined = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    tiled = np.resize(joined, rows) * (1 + 0.01 * rng.standard_normal(rows))
    return tiled.astype(np.float32).astype(np.float64)


def frames_of(values: NDArray[np.float64]) -> Iterator[Packed]:
    """`values` as column ``loss`` of run ``r1``, from step 1."""
    for seq, start in enumerate(range(0, len(values), FRAME_ROWS), 1):
        part = values[start : start + FRAME_ROWS]
        made = Frame(1, seq, [Block("r1", start + 1, 1, len(part), packed({"loss": part}))])
        yield pack(made, encode(made))


def experiment(id: str, number: int = 0, **changes: Any) -> Experiment:
    """A finished experiment of four runs, as the store holds it."""
    run = {
        "label": "",
        "settings": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        "policy": "elementwise",
        "policy_settings": {},
        "rescale": False,
        "mask_seed": number,
        "state": "finished",
        "step": 900,
        "diverged_step": None,
        "message": "",
    }
    optimizers = ("adam", "sgd", "adamw", "rmsprop")
    runs = [
        {**run, "id": f"r{i + 1}", "slot": i, "optimizer": name, "drop_rate": 0.5 * (i % 2)}
        for i, name in enumerate(optimizers[number % 2 :] + optimizers[: number % 2])
    ]
    values = {
        "id": id,
        "name": f"sweep {number // 50}, number {number}",
        "created_at": moment(1.7e9 + number),
        "problem": TASKS[number % len(TASKS)],
        "kind": "task",
        "settings": {"batch": 64, "width": 64},
        "seed": number,
        "steps": 900,
        "speed": 0.0,
        "shared_masks": True,
        "test_every": 25,
        "state": "finished",
        "message": "",
        "step": 900,
        "runs": runs,
        "tensors": [{"name": f"layer{i}.weight", "shape": [64, 64]} for i in range(4)],
        "replaces": None,
        "replaced_by": None,
        "connected": False,
    }
    return Experiment.model_validate(values | changes)
