"""An MLP's loss and accuracy on fixed examples as one call of compiled code: beside a small step,
torch's operations on them take twice the time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lrd_core.optim.kernels import objects

#: Examples whose activations are computed at once: they stay in the first-level cache. It is the
#: `TILE` of `cpu_blocks`, whose import would bring numba.
_TILE = 64
_SOURCE = '''"""Generated; don't edit."""

import math

from numba import carray, cfunc, float32, float64, int64, njit, types

from lrd_core.optim.kernels.cpu_blocks import (
    TILE, add_exponentials, affine_pair, to_float32, to_float64, to_int64,
)


@njit(error_model="numpy")
def layer(weight, bias, x, h, units, inputs, rectify):
    values = carray(to_float32(h), units * TILE)
    if units == 1:
        w, b = carray(to_float32(weight), inputs), carray(to_float32(bias), 1)
        row = carray(to_float32(x), (inputs, TILE))
        for j in range(TILE):
            values[j] = b[0]
        for i in range(inputs):
            for j in range(TILE):
                values[j] += w[i] * row[i, j]
    for pair in range((units + 1) // 2 if units > 1 else 0):
        # The last pair of an odd number overlaps the one before.
        u = min(2 * pair, units - 2)
        affine_pair(h + 4 * TILE * u, weight + 4 * inputs * u, bias + 4 * u, x, inputs)
    if rectify:
        for j in range(units * TILE):
            # Not by maximum, which would turn NaN into 0.
            values[j] = float32(0) if values[j] < float32(0) else values[j]


@njit(error_model="numpy")
def largest(logits, classes, highest, best):
    # The largest logit of each example, and the first place of it.
    for j in range(TILE):
        highest[j] = logits[0, j]
        best[j] = 0.0
    for c in range(1, classes):
        for j in range(TILE):
            here = float64(logits[c, j])
            best[j] = float64(c) if here > highest[j] else best[j]
            highest[j] = here if here > highest[j] else highest[j]


@cfunc(types.void(types.int64), error_model="numpy")
def exam(address):
    header = carray(to_int64(address), 8)
    layers, examples, tiles = header[0], header[1], header[2]
    labels = carray(to_int64(header[4]), examples)
    out = carray(to_float64(header[6]), 2)
    highest, best, total = carray(to_float64(header[7]), (3, TILE))
    sizes = carray(to_int64(address + 64), layers + 1)
    widest = int64(0)
    for k in range(layers + 1):
        widest = max(widest, sizes[k])
    loss = float64(0)
    right = int64(0)
    for tile in range(tiles):
        below = header[3] + 4 * TILE * sizes[0] * tile
        parameter = address + 72 + 8 * layers
        for k in range(layers):
            inputs, units = sizes[k], sizes[k + 1]
            above = header[5] + 4 * TILE * widest * (k % 2)
            weights = carray(to_int64(parameter), 2)
            layer(weights[0], weights[1], below, above, units, inputs, k < layers - 1)
            below = above
            parameter += 16
        logits = carray(to_float32(below), (sizes[layers], TILE))
        largest(logits, sizes[layers], highest, best)
        total[:] = 0.0
        for c in range(sizes[layers]):
            add_exponentials(header[7] + 16 * TILE, below + 4 * TILE * c, header[7])
        product = 1.0
        for j in range(min(TILE, examples - tile * TILE)):
            label = labels[tile * TILE + j]
            loss += highest[j] - float64(logits[label, j])
            # The logarithm of a product of a few is the sum of theirs.
            product *= total[j]
            if j % 8 == 7:
                loss += math.log(product)
                product = 1.0
            # Where a logit is NaN, no answer is right.
            right += int64(best[j] == float64(label) and total[j] == total[j])
        loss += math.log(product)
    out[0] = loss / examples
    out[1] = right / examples
'''


class MlpExam:
    """Mean cross-entropy (nats) and accuracy of an MLP.

    Args:
        sizes: of the layers, inputs first.
        inputs: (examples, sizes[0]), float32, on the CPU.
        labels: (examples,), int64.

    Raises:
        ValueError: there is no compiler.
    """

    def __init__(self, sizes: Sequence[int], inputs: torch.Tensor, labels: torch.Tensor) -> None:
        compiled = objects.function("mlp_exam", _SOURCE, "exam")
        if compiled is None:
            raise ValueError("no compiled code")
        self._compiled = compiled
        examples, tiles, layers = len(labels), -(-len(labels) // _TILE), len(sizes) - 1
        padded = np.zeros((tiles * _TILE, sizes[0]), dtype=np.float32)
        padded[:examples] = inputs.numpy()
        x = np.ascontiguousarray(padded.reshape(tiles, _TILE, sizes[0]).transpose(0, 2, 1))
        scratch = np.zeros((2, max(sizes), _TILE), dtype=np.float32)
        truth = np.ascontiguousarray(labels.numpy(), dtype=np.int64)
        sums = np.zeros((3, _TILE))
        self._out = np.zeros(2)
        self._alive = x, truth, scratch, sums
        self._weights = slice(9 + layers, None)
        self._header = np.zeros(9 + 3 * layers, dtype=np.int64)
        addresses = [array.ctypes.data for array in (x, truth, scratch, self._out, sums)]
        self._header[:8] = [layers, examples, tiles, *addresses]
        self._header[8 : 9 + layers] = sizes
        self._at = self._header.ctypes.data

    def __call__(self, parameters: Sequence[torch.Tensor]) -> tuple[float, float]:
        """Loss and accuracy: weights (outputs, inputs) and biases in turn, float32, row-major."""
        self._header[self._weights] = [p.data_ptr() for p in parameters]
        self._compiled(self._at)
        loss, accuracy = self._out.tolist()
        return loss, accuracy
