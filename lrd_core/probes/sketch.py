"""A fixed random sketch of θ − θ₀: sixteen numbers a step from which any plane can be drawn later.

Count sketch (Charikar, Chen and Farach-Colton, "Finding frequent items in data streams", ICALP
2002): coordinate i goes with a random sign into sum i mod 16. The rows of this linear map are made
orthonormal, so that lengths in the sketch are lower bounds of the true ones. A dense Gaussian map
keeps distances no better and reads sixteen times the memory, more than a small step can spare.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.probes.sampling import sample
from lrd_core.seeds import generator

#: Numbers in a sketch.
SIZE = 16
#: Larger models are sketched on evenly spaced coordinates, at most so many.
MOST = 65_536

COLUMNS = tuple(f"sketch/{i}" for i in range(SIZE))
#: The fixed random plane: two orthonormal directions in the sketch, so in parameter space too.
PLANE_COLUMNS = ("proj_x", "proj_y")
_ALL = COLUMNS + PLANE_COLUMNS


class Sketch:
    """Follows parameters through their steps; a function of (seed, their number, start).

    Args:
        parameters: of one run, or stacked ones with the runs along a first dimension. Any lists of
            the same coordinates in the same order have the same sketch, so one flat tensor too.
            Their data may be moved (``parameter.data = …``).
        seed: the experiment's, so that all its runs share the map.
        stacked: the first dimension is runs, not coordinates.

    θ₀ is the parameters when this is made.
    """

    def __init__(
        self, parameters: Sequence[torch.Tensor], seed: int, stacked: bool = False
    ) -> None:
        self._tensors = list(parameters)
        self._stacked = stacked
        runs = self._tensors[0].shape[0] if stacked else 1
        sizes = [tensor.numel() // runs for tensor in self._tensors]
        self._sample = sample(sum(sizes), MOST, seed, "sketch coordinates")
        self._firsts = self._sample.firsts(sizes)
        device = self._tensors[0].device
        self._signs, self._plane = _map(len(self._sample), seed)
        self._device_signs = torch.from_numpy(self._signs).to(device)
        self._padded = torch.zeros(runs, len(self._signs), device=device)
        plain = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in self._tensors)
        self._quick = _Quick(self._signs, self._plane) if plain and not stacked else None
        self._addresses: list[int] = []
        self._parts: list[torch.Tensor] = []
        self._start = torch.zeros(runs, SIZE, device=device)
        self._start = self.coordinates().reshape(runs, SIZE).clone()
        if self._quick is not None:
            self._quick.begin()

    def coordinates(self) -> torch.Tensor:
        """The sketch now: float32 (16,), stacked (runs, 16), where the parameters are, with no
        wait for their device."""
        self._follow()
        parts = self._parts if self._stacked else [part.unsqueeze(0) for part in self._parts]
        self._padded[:, : len(self._sample)] = torch.cat(parts, dim=1)
        signed = (self._padded * self._device_signs).view(len(self._start), -1, SIZE)
        moved = signed.sum(1) - self._start
        return moved if self._stacked else moved[0]

    def measure(self) -> dict[str, float]:
        """Columns ``sketch/0`` to ``sketch/15``, and ``proj_x`` and ``proj_y``: the path in a fixed
        random plane. Of one run."""
        if self._quick is None:
            return self.measure_all()[0]
        self._follow()
        return dict(zip(_ALL, self._quick.values(), strict=True))

    def now(self) -> NDArray[np.float32]:
        """The sketch of one run on the CPU, (16,): for `columns`."""
        if self._quick is None:
            found: NDArray[np.float32] = self.coordinates().cpu().view(-1, SIZE)[0].numpy()
            return found
        self._follow()
        return self._quick.sums()

    def columns(self, steps: Sequence[NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """The columns of `measure` for many steps, given `now` of each."""
        rows = np.array(steps, dtype=np.float32).reshape(-1, SIZE)
        places = np.zeros((len(rows), 2), dtype=np.float32)
        # Not as a product of matrices, whose last bits depend on the number of rows.
        for i in range(SIZE):
            places += rows[:, i, None] * self._plane[:, i]
        values = np.concatenate([rows, places], axis=1)
        return dict(zip(_ALL, np.ascontiguousarray(values.T), strict=True))

    def measure_all(self) -> list[dict[str, float]]:
        """The columns of every run."""
        rows = self.coordinates().cpu().view(-1, SIZE)
        places = rows @ torch.from_numpy(self._plane.T)
        found = torch.cat([rows, places], dim=1).tolist()
        return [dict(zip(_ALL, row, strict=True)) for row in found]

    def _follow(self) -> None:
        """Look where the data is now."""
        addresses = list(map(torch.Tensor.data_ptr, self._tensors))
        if addresses == self._addresses:
            return
        self._addresses = addresses
        found = [tensor.detach() for tensor in self._tensors]
        if self._stacked:
            flat = [tensor.view(len(tensor), -1) for tensor in found]
        else:
            flat = [tensor.view(-1) for tensor in found]
        pairs = zip(flat, self._firsts, strict=True)
        self._parts = [tensor[..., first :: self._sample.stride] for tensor, first in pairs]
        if self._quick is not None:
            joined = _joined(flat) if self._sample.stride == 1 else None
            self._quick.bind(self._parts if joined is None else [joined])


class _Quick:
    """The same for one run on the CPU through NumPy: beside a small step, a call of torch takes
    longer than the sums."""

    def __init__(self, signs: NDArray[np.float32], plane: NDArray[np.float32]) -> None:
        self._signs = signs
        # The last row is −sketch(θ₀).
        self._table = np.zeros((len(signs) // SIZE + 1, SIZE), dtype=np.float32)
        self._ones = np.ones(len(self._table), dtype=np.float32)
        self._outputs = np.concatenate([np.eye(SIZE, dtype=np.float32), plane.T], axis=1)
        self._pieces: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []

    def bind(self, parts: Sequence[torch.Tensor]) -> None:
        """Take the coordinates from there."""
        out = self._table.reshape(-1)
        self._pieces = []
        begin = 0
        for part in parts:
            here = slice(begin, begin + len(part))
            self._pieces.append((part.numpy(), self._signs[here], out[here]))
            begin = here.stop

    def begin(self) -> None:
        """Take the parameters as θ₀."""
        self._table[-1] = -self.sums()

    def values(self) -> list[float]:
        """Sketch and plane."""
        found: list[float] = self.sums().dot(self._outputs).tolist()
        return found

    def sums(self) -> NDArray[np.float32]:
        """The sketch of θ − θ₀, a new array."""
        for values, signs, out in self._pieces:
            np.multiply(values, signs, out)
        sums: NDArray[np.float32] = self._ones.dot(self._table)
        return sums


def _joined(flat: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Flat tensors as one, where they lie in one storage side by side."""
    storages = {tensor.untyped_storage().data_ptr() for tensor in flat}
    ends = [tensor.storage_offset() + tensor.numel() for tensor in flat]
    begins = [tensor.storage_offset() for tensor in flat]
    if len(storages) > 1 or ends[:-1] != begins[1:]:
        return None
    return flat[0].as_strided((ends[-1] - begins[0],), (1,), begins[0])


def _map(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sign of each coordinate over the length of its row, padded to whole rows of 16; and the fixed
    plane in the sketch, (2, 16)."""
    draws = generator(seed, "sketch")
    signs = np.zeros(-(-count // SIZE) * SIZE)
    signs[:count] = draws.integers(0, 2, count) * 2 - 1
    members = np.maximum(np.bincount(np.arange(count) % SIZE, minlength=SIZE), 1)
    signs = (signs.reshape(-1, SIZE) / np.sqrt(members)).ravel()
    # Of fewer than 16 coordinates only the first rows have any.
    rows = (
        generator(seed, "projection").standard_normal((SIZE, 2))
        * (np.arange(SIZE) < count)[:, None]
    )
    basis, _ = np.linalg.qr(rows)
    return signs.astype(np.float32), np.ascontiguousarray(basis.T.astype(np.float32))
