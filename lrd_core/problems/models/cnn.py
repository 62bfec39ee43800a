"""A small convolutional network: two convolutions with pooling, one hidden layer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Cnn(nn.Module):
    """3×3 convolution, ReLU, 2×2 maximum; again with twice the channels; hidden layer; logits.

    Args:
        classes: outputs.
        shape: (C, H, W) of the images; H and W divisible by 4.
        width: channels of the first convolution.
    """

    def __init__(self, classes: int, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        channels, height, breadth = shape
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.hidden = nn.Linear(2 * width * (height // 4) * (breadth // 4), 8 * width)
        self.out = nn.Linear(8 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, *shape), float32."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        logits: torch.Tensor = self.out(F.relu(self.hidden(x.flatten(1))))
        return logits
