"""Images of a batch, moved, mirrored and normalised on the device they are on.

What happens to an image is a function of (seed, epoch, its place in the epoch's order): no hidden
state, and within an epoch nothing is copied to the device.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from lrd_core.seeds import generator

#: Pixels that a crop may move by, as usual for CIFAR (He et al. 2016, section 4.2).
PADDING = 4


# As many as `batches.order` keeps.
@lru_cache(maxsize=8)
def draws(
    seed: int, epoch: int, count: int, device: torch.device, padding: int = PADDING
) -> torch.Tensor:
    """What happens to the images of `epoch`, in the epoch's order: (count, 3), int64, on `device`.

    Row i holds the shift down and the shift to the right, each from −padding to padding and equally
    likely, and whether the image is mirrored, 0 or 1. The tensor is shared: never change it.
    """
    random = generator(seed, "augment", epoch)
    shifts = random.integers(-padding, padding + 1, (count, 2))
    mirrored = random.integers(0, 2, (count, 1))
    return torch.from_numpy(np.concatenate([shifts, mirrored], axis=1)).to(device)


def crop_and_flip(images: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Every image cropped out of itself with black around it, some mirrored left to right.

    It is padding, cropping to the old size and mirroring (He et al. 2016, section 4.2): output
    pixel (i, j) is the image's (i + down, j + right), or (i + down, W − 1 − j + right) where
    mirrored, and 0 where that lies outside.

    Args:
        images: (batch, C, H, W), any dtype.
        drawn: (batch, 3), rows of `draws`.

    Returns:
        (batch, C, H, W) of the same dtype, on the same device.
    """
    batch, channels, height, width = images.shape
    down, right, mirrored = drawn[:, :, None].unbind(1)
    i = torch.arange(height, device=images.device)
    j = torch.arange(width, device=images.device)
    rows = i + down
    columns = torch.where(mirrored != 0, width - 1 - j, j) + right
    outside = ((rows < 0) | (rows >= height))[:, :, None]
    outside = outside | ((columns < 0) | (columns >= width))[:, None, :]
    source = rows.clamp(0, height - 1)[:, :, None] * width
    source = source + columns.clamp(0, width - 1)[:, None, :]
    places = source.view(batch, 1, -1).expand(-1, channels, -1)
    moved = images.flatten(2).gather(2, places).view_as(images)
    return moved.masked_fill_(outside[:, None], 0)


def normalise(
    images: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> torch.Tensor:
    """``(images / 255 − mean) / std`` by channel: (N, C, H, W) uint8 to float32."""
    scale, shift = _constants(mean, std, images.device)
    return torch.addcmul(shift, images.float(), scale)


@lru_cache(maxsize=16)
def _constants(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    m, s = (torch.tensor(values, dtype=torch.float64).view(-1, 1, 1) for values in (mean, std))
    return (1 / (255 * s)).float().to(device), (-m / s).float().to(device)
