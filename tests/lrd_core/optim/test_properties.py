"""LRD over shapes, dtypes, groups, missing gradients and strides: every bit as defined."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy

DTYPES = (torch.float32, torch.float64, torch.bfloat16)
OPTIMIZERS = {
    # Not fused: torch's own fails where a tensor gets its first gradient after step 1.
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, foreach=False),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.1, fused=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.1, foreach=False),
}


@dataclass(frozen=True)
class Tensor:
    shape: tuple[int, ...]
    dtype: torch.dtype
    transposed: bool
    group: int
    gradients: tuple[bool, ...]


tensors = st.builds(
    Tensor,
    shape=st.lists(st.integers(0, 5), max_size=3).map(tuple),
    dtype=st.sampled_from(DTYPES),
    transposed=st.booleans(),
    group=st.integers(0, 2),
    gradients=st.tuples(*[st.sampled_from([True, True, False])] * 3),
)


def parameter(tensor: Tensor, generator: torch.Generator) -> nn.Parameter:
    data = torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
    if tensor.transposed and data.ndim > 1:
        # The same logical tensor over reversed strides.
        data = data.permute(*reversed(range(data.ndim))).contiguous()
        data = data.permute(*reversed(range(data.ndim)))
    return nn.Parameter(data)


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.numel() == 0:
        return a.shape == b.shape
    return torch.equal(
        a.detach().contiguous().view(-1).view(torch.uint8),
        b.detach().contiguous().view(-1).view(torch.uint8),
    )


@settings(max_examples=60, deadline=None)
@given(
    tensors=st.lists(tensors, min_size=1, max_size=6),
    rates=st.tuples(*[st.sampled_from([0.0, 0.3, 0.9])] * 3),
    name=st.sampled_from(sorted(OPTIMIZERS)),
    seed=st.integers(-(2**63), 2**63),
    measured=st.booleans(),
)
def test_every_bit_as_defined(
    tensors: list[Tensor],
    rates: tuple[float, ...],
    name: str,
    seed: int,
    measured: bool,
) -> None:
    generator = torch.Generator().manual_seed(0)
    # Positions count through the groups in order, so group by group here as well.
    ordered = sorted(tensors, key=lambda tensor: tensor.group)
    used = sorted({tensor.group for tensor in ordered})
    ours = [parameter(tensor, generator) for tensor in ordered]
    theirs = [copy.deepcopy(p) for p in ours]

    def groups(params: list[nn.Parameter]) -> list[dict[str, object]]:
        return [
            {
                "params": [p for p, t in zip(params, ordered, strict=True) if t.group == i],
                "drop_rate": rates[i],
            }
            for i in used
        ]

    # Compiled code: kernels/test_cpu_changes.py.
    lrd = LRD(OPTIMIZERS[name](groups(ours)), drop_rate=0.7, seed=seed, kernel="torch")
    lrd.collect_statistics = measured
    base = OPTIMIZERS[name](groups(theirs))
    for step in range(1, 4):
        for tensor, p, q in zip(ordered, ours, theirs, strict=True):
            p.grad = q.grad = None
            if tensor.gradients[step - 1]:
                gradient = torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
                p.grad, q.grad = gradient, gradient.clone()
        lrd.step()
        before = [q.detach().clone() for q in theirs]
        base.step()
        for j, (tensor, p, q) in enumerate(zip(ordered, ours, theirs, strict=True)):
            mask = keep_mask_numpy(seed, step, j, p.numel(), 1 - rates[tensor.group])
            kept = torch.from_numpy(mask).view(tensor.shape)
            with torch.no_grad():
                q.copy_(torch.where(kept, q, before[j]))
            assert same_bits(p, q)
            if not tensor.gradients[step - 1]:
                assert same_bits(p, before[j])
