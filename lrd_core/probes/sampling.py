"""Evenly spaced coordinates of models that are too large to look at whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lrd_core.seeds import generator


@dataclass(frozen=True)
class Sample:
    """Every `stride`-th of `numel` coordinates, `first` being the first of them.

    Coordinates are counted row by row through all tensors in turn, so that one flat tensor and the
    list of its parts give the same ones.
    """

    numel: int
    stride: int
    first: int

    def __len__(self) -> int:
        return len(range(self.first, self.numel, self.stride))

    def firsts(self, sizes: Sequence[int]) -> list[int]:
        """Where each of the tensors, of these numbers of elements, has its first coordinate."""
        found, begin = [], 0
        for size in sizes:
            found.append((self.first - begin) % self.stride)
            begin += size
        return found

    def of(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """The coordinates of one run's tensors, one after another: (len(self),)."""
        firsts = self.firsts([tensor.numel() for tensor in tensors])
        parts = [t.reshape(-1)[f :: self.stride] for t, f in zip(tensors, firsts, strict=True)]
        return torch.cat(parts)


def sample(numel: int, at_most: int, seed: int, purpose: str) -> Sample:
    """All coordinates if there are at most so many, else evenly spaced ones from a random first.

    The distance is a prime number, which few row lengths are multiples of: the sample goes through
    rows and columns alike.
    """
    stride = -(-numel // at_most)
    if stride <= 1:
        return Sample(numel, 1, 0)
    while not _is_prime(stride):
        stride += 1
    return Sample(numel, stride, int(generator(seed, purpose).integers(stride)))


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))
