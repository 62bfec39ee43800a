"""Curves of a training as a function of run and step; needs NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: An experiment has at most 16 runs at a time, but may have had more.
SLOTS = 16

Values = NDArray[np.float64]


def noise(run: int, steps: Values, column: int) -> Values:
    """Of each step, near a normal distribution: the same whichever steps are asked for."""
    waves = [np.sin((12.9898 + part) * steps + 78.233 * run + 37.719 * column) for part in range(4)]
    uniform = [(43_758.5453 * wave) % 1.0 for wave in waves]
    scaled: Values = (np.sum(uniform, axis=0) - 2) * np.sqrt(3)
    return scaled


def curves(run: int, steps: Values) -> dict[str, Values]:
    """Columns of a training, shape (steps,) each."""
    loss = 2.3 * (1 + steps / 40) ** (-0.18 - 0.005 * run) * np.exp(0.25 * noise(run, steps, 0))
    turn = 0.9 * run + np.log1p(steps / 300)
    far = 0.6 * np.log1p(steps / 50)
    rate = 0.05 * (run % SLOTS)
    return {
        "loss": loss.astype(np.float32).astype(np.float64),
        "drop_rate": np.full(len(steps), rate),
        "keep_rate": 1 - rate + 0.01 * noise(run, steps, 1),
        "lr": np.full(len(steps), 0.003),
        "proj_x": far * np.cos(turn) + 0.01 * noise(run, steps, 2),
        "proj_y": far * np.sin(turn) + 0.01 * noise(run, steps, 3),
    }
