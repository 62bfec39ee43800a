"""An MLP's loss and accuracy on fixed examples as one call of compiled code: beside a small step,
torch's operations on them take twice the time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lrd_core.optim.kernels import objects

#: Examples whose activations are computed at once: they stay in the first-level cache.
_TILE = 64
_SOURCE = f'''"""Generated; don't edit."""

import math

from numba import carray, cfunc, float32, float64, int64, njit, types

from lrd_core.optim.kernels.cpu_blocks import to_float32, to_float64, to_int64

TILE = {_TILE}


@njit(error_model="numpy", fastmath={{"contract"}})
def layer(weight, bias, x, h, units, inputs, rectify):
    for u in range(units):
        row = h[u]
        for j in range(TILE):
            row[j] = bias[u]
        w = weight[u]
        for q in range(inputs // 4):
            i = 4 * q
            w0, w1, w2, w3 = w[i], w[i + 1], w[i + 2], w[i + 3]
            x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            for j in range(TILE):
                row[j] += w0 * x0[j] + w1 * x1[j] + w2 * x2[j] + w3 * x3[j]
        for i in range(inputs // 4 * 4, inputs):
            w0, x0 = w[i], x[i]
            for j in range(TILE):
                row[j] += w0 * x0[j]
        if rectify:
            for j in range(TILE):
                # Not by maximum, which would turn NaN into 0.
                row[j] = float32(0) if row[j] < float32(0) else row[j]


@cfunc(types.void(types.int64), error_model="numpy")
def exam(address):
    header = carray(to_int64(address), 7)
    layers, examples, tiles = header[0], header[1], header[2]
    labels = carray(to_int64(header[4]), examples)
    out = carray(to_float64(header[6]), 2)
    sizes = carray(to_int64(address + 56), layers + 1)
    widest = int64(0)
    for k in range(layers + 1):
        widest = max(widest, sizes[k])
    loss = float64(0)
    right = int64(0)
    for tile in range(tiles):
        below = header[3] + 4 * TILE * sizes[0] * tile
        parameter = address + 64 + 8 * layers
        for k in range(layers):
            inputs, units = sizes[k], sizes[k + 1]
            x = carray(to_float32(below), (inputs, TILE))
            below = header[5] + 4 * TILE * widest * (k % 2)
            h = carray(to_float32(below), (units, TILE))
            weights = carray(to_int64(parameter), 2)
            weight = carray(to_float32(weights[0]), (units, inputs))
            bias = carray(to_float32(weights[1]), units)
            layer(weight, bias, x, h, units, inputs, k < layers - 1)
            parameter += 16
        logits = carray(to_float32(below), (sizes[layers], TILE))
        for j in range(min(TILE, examples - tile * TILE)):
            best = int64(0)
            bad = False
            for c in range(sizes[layers]):
                bad = bad or math.isnan(logits[c, j])
                if logits[c, j] > logits[best, j]:
                    best = c
            highest = float64(logits[best, j])
            total = float64(0)
            for c in range(sizes[layers]):
                total += math.exp(float64(logits[c, j]) - highest)
            label = labels[tile * TILE + j]
            loss += math.log(total) + highest - float64(logits[label, j])
            right += int64(best == label and not bad)
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
        self._out = np.zeros(2)
        self._alive = x, truth, scratch
        self._weights = slice(8 + layers, None)
        self._header = np.zeros(8 + 3 * layers, dtype=np.int64)
        addresses = [array.ctypes.data for array in (x, truth, scratch, self._out)]
        self._header[:7] = [layers, examples, tiles, *addresses]
        self._header[7 : 8 + layers] = sizes

    def __call__(self, parameters: Sequence[torch.Tensor]) -> tuple[float, float]:
        """Loss and accuracy: weights (outputs, inputs) and biases in turn, float32, row-major."""
        self._header[self._weights] = [p.data_ptr() for p in parameters]
        self._compiled(self._header.ctypes.data)
        loss, accuracy = self._out.tolist()
        return loss, accuracy
