"""Measures a step from the parameters before it, after the base optimizer and after the mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.statistics import StepStatistics

#: A tensor's six sums, float64.
ROW_BYTES = 48
#: Elements turned into float64 at once, to bound the memory beside the parameters (32 MiB).
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Updated:
    """One tensor of a step; all four tensors have the parameter's shape.

    Attributes:
        index: position among all parameters.
        name: for people.
        mask: kept coordinates; None keeps all.
        gradient: the parameter's gradient, dense or sparse.
        before, full, masked: the parameter before the step, after the base's, after the masked.
    """

    index: int
    name: str
    mask: torch.Tensor | None
    gradient: torch.Tensor
    before: torch.Tensor
    full: torch.Tensor
    masked: torch.Tensor


#: Positions of tensors that an engine has stepped, and the sums of each (`kernels.entry.SUMS`), as
#: arrays or rows of one tensor.
LotSums = tuple[Sequence[int], "Rows | torch.Tensor"]
Rows = Sequence[NDArray[np.float64]] | NDArray[np.float64]


class StepSums(NamedTuple):
    """Sums of one step, to be made sense of later.

    Attributes:
        indices: positions of the tensors.
        sums: of `kernels.entry.SUMS`, (tensors, 6) float64; rows, or a tensor on its device.
        factors: what each tensor's kept updates were multiplied by.
    """

    indices: tuple[int, ...]
    sums: Rows | torch.Tensor
    factors: list[float]


class SumsAt(NamedTuple):
    """Where in memory a step's sums of every parameter in turn lie, (parameters, 6) float64.

    Attributes:
        pointer: address of the address of a table that they are in; every step sets it anew.
        offset: bytes in that table before them.
        factors: as of `StepSums`.
    """

    pointer: int
    offset: int
    factors: Sequence[float]


class Measured:
    """The measurements of a step, read from devices only when its statistics are asked for.

    Args:
        updated: tensors that were stepped by the base: measured and read at once.
        sums: of those that engines have stepped.
        factors: what kept updates were multiplied by, for every parameter.
        names: gives name and number of elements, by position.
        kept_all: every update is kept, whatever coins say (a policy on the gradient).
        repeated: `sums` are written anew at every replay of a CUDA graph.
    """

    def __init__(
        self,
        updated: list[Updated],
        sums: Sequence[LotSums],
        factors: Sequence[float],
        names: Callable[[], Mapping[int, tuple[str, int]]],
        kept_all: bool,
        repeated: bool,
    ) -> None:
        self._rows: dict[int, tuple[float, ...]] = {}
        if updated:
            with torch.no_grad():
                self._rows = dict(_measured(updated))
        self._numel = {u.index: u.before.numel() for u in updated}
        self._sums = sums
        self._factors = factors
        self._names = names
        self._kept_all = kept_all
        self._repeated = repeated
        #: Positions as they were given and as they are told, and the factors of those.
        self._picked: tuple[Sequence[int], tuple[int, ...], list[float]] | None = None
        self._statistics: StepStatistics | None = None

    def sums(self) -> StepSums | None:
        """What an engine has summed, as it is. None where the step was not one pass of an engine,
        or its policy keeps everything: `statistics` tells then.

        Making sense of the sums of many steps at once costs a fraction of their `statistics`.
        """
        lots = self._lots()
        if self._rows or len(lots) != 1 or self._kept_all or self._repeated:
            return None
        indices, rows = lots[0]
        if self._picked is None or self._picked[0] is not indices:
            factors = [self._factors[index] for index in indices]
            self._picked = indices, tuple(indices), factors
        return StepSums(self._picked[1], rows, self._picked[2])

    @property
    def sums_at(self) -> SumsAt | None:
        """Where compiled code finds the sums until the next step: the same object while this, the
        parameters' places in memory and their factors stay. None where they don't lie so."""
        return None

    def _lots(self) -> Sequence[LotSums]:
        """What engines have summed."""
        return self._sums

    def statistics(self) -> StepStatistics:
        """The statistics of the step."""
        if self._statistics is None or self._repeated:
            self._statistics = self._summed()
        return self._statistics

    def _summed(self) -> StepStatistics:
        rows = self._rows | {
            index: _row(row, self._factors[index]) for index, row in _read(self._lots()).items()
        }
        indices, names = sorted(rows), self._names()
        if not indices:
            return StepStatistics((), (), (), (), (), (), (), (), (), ())
        grad, full, masked, masked_grad, full_grad, masked_full, kept = zip(
            *[rows[index] for index in indices], strict=True
        )
        numel = tuple([self._numel.get(index, names[index][1]) for index in indices])
        return StepStatistics(
            indices=tuple(indices),
            names=tuple([names[index][0] for index in indices]),
            numel=numel,
            kept=numel if self._kept_all else tuple(map(int, kept)),
            grad_sq=grad,
            full_sq=full,
            masked_sq=masked,
            masked_dot_grad=masked_grad,
            full_dot_grad=full_grad,
            masked_dot_full=masked_full,
        )


def _read(sums: Sequence[LotSums]) -> dict[int, list[float]]:
    """The sums as numbers, by position."""
    found: dict[int, list[float]] = {}
    for indices, rows in sums:
        numbers = rows.tolist() if isinstance(rows, torch.Tensor) else [r.tolist() for r in rows]
        found |= zip(indices, numbers, strict=True)
    return found


def _row(sums: list[float], factor: float) -> tuple[float, ...]:
    grad_sq, full_sq, full_dot_grad, kept_sq, kept_dot_grad, kept = sums
    return (
        grad_sq,
        full_sq,
        kept_sq * factor * factor,
        kept_dot_grad * factor,
        full_dot_grad,
        kept_sq * factor,
        kept,
    )


def _measured(updated: list[Updated]) -> Iterator[tuple[int, tuple[float, ...]]]:
    if not updated:
        return
    products = [product for batch in _batches(updated) for product in _products(batch)]
    kept = [_kept(u) for u in updated]
    device = products[0].device
    table = torch.cat(
        [
            torch.stack([p.to(device) for p in products]).view(-1, 9),
            torch.stack([k.to(device) for k in kept]).double().unsqueeze(1),
        ],
        dim=1,
    )
    for u, r in zip(updated, table.tolist(), strict=True):
        yield u.index, (r[0], r[4], r[8], r[2], r[1], r[5], r[9])


def _kept(u: Updated) -> torch.Tensor:
    return torch.tensor(u.before.numel()) if u.mask is None else u.mask.count_nonzero()


def _batches(updated: list[Updated]) -> Iterator[list[Updated]]:
    """Neighbours on one device, together within a chunk or alone: small tensors share the work."""
    batch: list[Updated] = []
    size = 0
    for u in updated:
        size += u.before.numel()
        if batch and (size > _CHUNK or u.before.device != batch[0].before.device):
            yield batch
            batch, size = [], u.before.numel()
        batch.append(u)
    yield batch


def _products(batch: list[Updated]) -> Iterator[torch.Tensor]:
    """For each tensor the inner products of gradient, full and masked update: float64, (3, 3)."""
    flat = [[_flat(t) for t in (u.gradient, u.full, u.masked, u.before)] for u in batch]
    if len(flat) == 1:
        chunks = zip(*(torch.split(t, _CHUNK) for t in flat[0]), strict=True)
        yield torch.stack([_gram(_rows(list(chunk))) for chunk in chunks]).sum(0)
        return
    rows = _rows([torch.cat(tensors) for tensors in zip(*flat, strict=True)])
    for part in torch.split(rows, [tensors[0].numel() for tensors in flat], dim=1):
        yield _gram(part)


def _rows(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Gradient, full and masked update in float64, (3, n)."""
    rows = torch.stack(tensors).double()
    updates = rows[1:3]
    updates -= rows[3]
    return rows[:3]


def _gram(rows: torch.Tensor) -> torch.Tensor:
    return rows @ rows.T


def _flat(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor.reshape(-1)
