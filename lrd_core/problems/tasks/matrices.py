"""Matrices of known singular values, and the squared error of what approximates them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lrd_core.seeds import generator


def spectral(rows: int, columns: int, values: Iterable[float], purpose: str) -> torch.Tensor:
    """A matrix with these singular values, (rows, columns) float64; its singular vectors are
    random, a function of `purpose` alone."""
    scale = np.array([float(value) for value in values])
    sides = []
    for k, size in enumerate((rows, columns)):
        draw = generator(0, purpose, k).standard_normal((size, len(scale)))
        sides.append(np.linalg.qr(draw).Q)
    return torch.from_numpy((sides[0] * scale) @ sides[1].T)


def squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum of squared differences of each example, (batch,), from (batch, …)."""
    return (outputs - targets).square().flatten(1).sum(1)
