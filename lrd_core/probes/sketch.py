"""A fixed random sketch of θ − θ₀: sixteen numbers a step from which any plane can be drawn later.

Count sketch (Charikar, Chen and Farach-Colton, "Finding frequent items in data streams", ICALP
2002): coordinate i goes with a random sign into sum i mod 16. The rows of this linear map are made
orthonormal, so that lengths in the sketch are lower bounds of the true ones. A dense Gaussian map
keeps distances no better and reads sixteen times the memory, more than a small step can spare.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.probes.sampling import sample
from lrd_core.probes.sketch_sums import SketchSums
from lrd_core.probes.step_code import SIZE
from lrd_core.seeds import generator

#: Larger models are sketched on evenly spaced coordinates, at most so many.
MOST = 65_536

COLUMNS = tuple(f"sketch/{i}" for i in range(SIZE))
#: The fixed random plane: two orthonormal directions in the sketch, so in parameter space too.
PLANE_COLUMNS = ("proj_x", "proj_y")
_ALL = COLUMNS + PLANE_COLUMNS


class Sketch:
    """Follows one run's parameters through its steps; a function of (seed, their number, start).

    Args:
        parameters: any lists of the same coordinates in the same order have the same sketch, so one
            flat tensor too. Their data may be moved (``parameter.data = …``), all at once.
        seed: the experiment's, so that all its runs share the map.

    θ₀ is the parameters when this is made.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], seed: int) -> None:
        self._tensors = list(parameters)
        sizes = [tensor.numel() for tensor in self._tensors]
        self._sample = sample(sum(sizes), MOST, seed, "sketch coordinates")
        self._firsts = self._sample.firsts(sizes)
        device = self._tensors[0].device
        signs, self._scale, self._plane = _map(len(self._sample), seed)
        self._signs = torch.from_numpy(signs).to(device)
        self._terms = torch.zeros(-(-len(signs) // SIZE) * SIZE, device=device)
        plain = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in self._tensors)
        self._quick = SketchSums(signs, self._sample.stride) if plain else None
        self._address = 0
        self._start = np.zeros(SIZE, dtype=np.float32)
        self._start = self.read([self.later()])[0]

    def later(self) -> NDArray[np.float32] | torch.Tensor:
        """Signed sums of the coordinates now, float32 (16,): for `read` and `columns`. They stay on
        a device that would have to be waited for."""
        if self._quick is None:
            values = self._sample.of([t.detach() for t in self._tensors])
            self._terms[: len(self._signs)] = values.float() * self._signs
            return self._terms.view(-1, SIZE).sum(0)
        self._follow(self._quick)
        return self._quick()

    def header(self, out: int) -> NDArray[np.int64]:
        """What compiled code reads to write `later` to the address `out`, while the parameters stay
        in their places (``sums`` of `step_code`).

        Raises:
            ValueError: it is not `compiled`.
        """
        if self._quick is None:
            raise ValueError("these parameters are not in compiled code's reach")
        self._follow(self._quick)
        return self._quick.header(out)

    def frame(self) -> NDArray[np.float32]:
        """What `columns` are made with, (4, 16): a sum times the first row less the second is its
        part of the sketch; the others are the fixed plane."""
        return np.stack([self._scale, self._start, *self._plane])

    @property
    def compiled(self) -> bool:
        """Whether sums come from compiled code."""
        return self._quick is not None and self._quick.compiled

    def read(self, steps: Sequence[NDArray[np.float32] | torch.Tensor]) -> NDArray[np.float32]:
        """Sketches, (steps, 16), given `later` of each."""
        if isinstance(steps[0], torch.Tensor):
            rows = torch.stack(list(steps)).cpu().numpy()  # type: ignore[arg-type]
        else:
            rows = np.concatenate(steps).reshape(-1, SIZE)
        return rows * self._scale - self._start

    def now(self) -> NDArray[np.float32]:
        """The sketch, (16,)."""
        found: NDArray[np.float32] = self.read([self.later()])[0]
        return found

    def measure(self) -> dict[str, float]:
        """Columns ``sketch/0`` to ``sketch/15``, and ``proj_x`` and ``proj_y``: the path in a fixed
        random plane."""
        return {name: float(values[0]) for name, values in self.columns([self.later()]).items()}

    def columns(
        self, steps: Sequence[NDArray[np.float32] | torch.Tensor]
    ) -> dict[str, NDArray[np.float32]]:
        """The columns of `measure` for many steps, given `later` of each."""
        rows = self.read(steps)
        values = np.zeros((len(_ALL), len(rows)), dtype=np.float32)
        values[:SIZE] = rows.T
        # One after the other: last bits of a product, or of a sum in one go, depend on the number
        # of rows.
        products = self._plane[:, :, None] * values[:SIZE]
        for i in range(SIZE):
            values[SIZE:] += products[:, i]
        return dict(zip(_ALL, values, strict=True))

    def _follow(self, quick: SketchSums) -> None:
        """Look where the data is now."""
        address = self._tensors[0].data_ptr()
        if address == self._address:
            return
        self._address = address
        flat = [tensor.detach().view(-1) for tensor in self._tensors]
        joined = _joined(flat) if self._sample.stride == 1 else None
        if joined is not None:
            quick.bind([joined])
            return
        pairs = zip(flat, self._firsts, strict=True)
        quick.bind([tensor[first :: self._sample.stride] for tensor, first in pairs])


def _joined(flat: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Flat tensors as one, where they lie in one storage side by side."""
    storages = {tensor.untyped_storage().data_ptr() for tensor in flat}
    ends = [tensor.storage_offset() + tensor.numel() for tensor in flat]
    begins = [tensor.storage_offset() for tensor in flat]
    if len(storages) > 1 or ends[:-1] != begins[1:]:
        return None
    return flat[0].as_strided((ends[-1] - begins[0],), (1,), begins[0])


def _map(
    count: int, seed: int
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Sign of each coordinate, (count,); what each sum is multiplied by, (16,); and the fixed plane
    in the sketch, (2, 16)."""
    signs = generator(seed, "sketch").integers(0, 2, count) * 2 - 1
    members = np.bincount(np.arange(count) % SIZE, minlength=SIZE)
    # Of fewer than 16 coordinates only the first rows have any.
    rows = generator(seed, "projection").standard_normal((SIZE, 2)) * (members > 0)[:, None]
    basis, _ = np.linalg.qr(rows)
    scale = 1 / np.sqrt(np.maximum(members, 1))
    plane = np.ascontiguousarray(basis.T.astype(np.float32))
    return signs.astype(np.int8), scale.astype(np.float32), plane
