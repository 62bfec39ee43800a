"""DenseNet for 32×32 images (Huang et al., "Densely connected convolutional networks", CVPR 2017).

The stem is one 3×3 convolution without pooling, as usual on CIFAR.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

#: Layers of each block of DenseNet-121.
LAYERS_121 = (6, 12, 24, 16)


class DenseLayer(nn.Module):
    """Adds `growth` channels to its inputs through a bottleneck of 4 · growth channels."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, inputs + growth, H, W)."""
        y = self.conv1(F.relu(self.bn1(x)))
        return torch.cat([self.conv2(F.relu(self.bn2(y))), x], 1)


class Transition(nn.Module):
    """Halves the channels by a 1×1 convolution and the image by averaging."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, inputs // 2, H / 2, W / 2)."""
        return F.avg_pool2d(self.conv(F.relu(self.bn(x))), 2)


class DenseNet(nn.Module):
    """Dense blocks with transitions between them.

    Args:
        classes: outputs.
        channels: of the images.
        growth: channels that a layer adds; 32 with `LAYERS_121` is DenseNet-121.
        layers: of each block.
    """

    def __init__(
        self,
        classes: int,
        channels: int = 3,
        growth: int = 32,
        layers: tuple[int, ...] = LAYERS_121,
    ) -> None:
        super().__init__()
        width = 2 * growth
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        blocks: list[nn.Module] = []
        for block, count in enumerate(layers):
            rows: list[nn.Module] = []
            for _ in range(count):
                rows.append(DenseLayer(width, growth))
                width += growth
            if block < len(layers) - 1:
                rows.append(Transition(width))
                width //= 2
            blocks.append(nn.Sequential(*rows))
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(width)
        self.out = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, channels, H, W), float32."""
        x = F.relu(self.bn(self.blocks(self.conv1(x))))
        logits: torch.Tensor = self.out(x.mean((2, 3)))
        return logits
