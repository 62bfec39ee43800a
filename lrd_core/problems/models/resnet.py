"""ResNet for 32×32 images (He et al., "Deep residual learning for image recognition", CVPR 2016).

The stem is one 3×3 convolution without pooling, as usual on CIFAR.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

#: Blocks of each stage of ResNet-34.
BLOCKS_34 = (3, 4, 6, 3)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut, a 1×1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """Stages of basic blocks; each but the first halves the image and doubles the channels.

    Args:
        classes: outputs.
        channels: of the images.
        width: channels of the first stage; 64 with `BLOCKS_34` is ResNet-34.
        blocks: of each stage.
    """

    def __init__(
        self,
        classes: int,
        channels: int = 3,
        width: int = 64,
        blocks: tuple[int, ...] = BLOCKS_34,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        stages: list[nn.Module] = []
        inputs = width
        for stage, count in enumerate(blocks):
            outputs = width << stage
            rows: list[nn.Module] = []
            for place in range(count):
                rows.append(BasicBlock(inputs, outputs, 2 if stage and not place else 1))
                inputs = outputs
            stages.append(nn.Sequential(*rows))
        self.stages = nn.Sequential(*stages)
        self.out = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, channels, H, W), float32."""
        x = self.stages(F.relu(self.bn1(self.conv1(x))))
        logits: torch.Tensor = self.out(x.mean((2, 3)))
        return logits
