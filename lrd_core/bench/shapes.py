"""Lists of parameter shapes that the optimizer benchmark steps over."""

from __future__ import annotations

from math import prod

Shapes = list[tuple[int, ...]]


def resnet34() -> Shapes:
    """ResNet-34 for CIFAR: 3×3 stem, 10 classes, convolutions without bias; 21,282,122 parameters.

    He et al. 2015, arXiv:1512.03385, table 1, with 1×1 convolutions where the width changes.
    """
    shapes: Shapes = [(64, 3, 3, 3), (64,), (64,)]
    before = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for _ in range(blocks):
            for inputs in (before, width):
                shapes += [(width, inputs, 3, 3), (width,), (width,)]
            if before != width:
                shapes += [(width, before, 1, 1), (width,), (width,)]
            before = width
    return [*shapes, (10, 512), (10,)]


def gpt2_small() -> Shapes:
    """GPT-2 small, its head tied to the token embedding; 124,439,808 parameters.

    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2.
    """
    width = 768
    block: Shapes = [(width,), (width,)]
    block += [(width, 3 * width), (3 * width,), (width, width), (width,)]
    block += [(width,), (width,)]
    block += [(width, 4 * width), (4 * width,), (4 * width, width), (width,)]
    return [(50257, width), (1024, width), *block * 12, (width,), (width,)]


def flat() -> Shapes:
    """One tensor of 20,000,000."""
    return [(20_000_000,)]


def tiny() -> Shapes:
    """200 tensors of 64: what a step costs besides arithmetic."""
    return [(64,)] * 200


#: Lists by the name that a process of its own is told.
LISTS = {"resnet34": resnet34, "gpt2_small": gpt2_small, "flat": flat, "tiny": tiny}


def count(shapes: Shapes) -> int:
    """Number of parameters in a list."""
    return sum(prod(shape) for shape in shapes)
