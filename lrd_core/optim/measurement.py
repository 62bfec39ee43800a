"""Measures a step from the parameters before it, after the base optimizer and after the mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from lrd_core.optim.statistics import StepStatistics

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


@torch.no_grad()
def measure(updated: list[Updated]) -> StepStatistics:
    """The statistics of a step, read from the device at once."""
    if not updated:
        return StepStatistics((), (), (), (), (), (), (), (), (), ())
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
    columns = [tuple(column) for column in zip(*table.tolist(), strict=True)]
    return StepStatistics(
        indices=tuple(u.index for u in updated),
        names=tuple(u.name for u in updated),
        numel=tuple(u.before.numel() for u in updated),
        kept=tuple(int(k) for k in columns[9]),
        grad_sq=columns[0],
        full_sq=columns[4],
        masked_sq=columns[8],
        masked_dot_grad=columns[2],
        full_dot_grad=columns[1],
        masked_dot_full=columns[5],
    )


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
