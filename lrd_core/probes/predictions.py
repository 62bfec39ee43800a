"""What a model says of held-out samples; nothing of it is random but by the seed, nothing moves."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.problems.models.model import Model
from lrd_core.problems.tasks.samples import Passage
from lrd_core.seeds import generator

#: Samples that are looked at in one turn.
AT_ONCE = 24
#: What logits are divided by before a character is drawn: below 1, likely ones come more often.
TEMPERATURE = 0.8


@dataclass(frozen=True)
class Predicted:
    """Of every sample the most likely class, (N,) int64, and its probability, (N,) float32."""

    classes: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def predictions(model: Model, inputs: torch.Tensor) -> Generator[None, None, Predicted]:
    """Classes of some samples, `AT_ONCE` a turn.

    Args:
        inputs: (N, …).
    """
    parts = []
    for some in torch.split(inputs, AT_ONCE):
        with torch.no_grad():
            shares = model(some, train=False).softmax(-1)
        parts.append(torch.max(shares, -1))
        yield
    return Predicted(
        torch.cat([part.indices for part in parts]).cpu().numpy(),
        torch.cat([part.values for part in parts]).float().cpu().numpy(),
    )


def shares(model: Model, inputs: torch.Tensor) -> NDArray[np.float32]:
    """Probability of class 1 of two, (N,) float32."""
    with torch.no_grad():
        found: NDArray[np.float32] = model(inputs, train=False).softmax(-1)[:, 1].cpu().numpy()
    return found


@dataclass(frozen=True)
class Reading:
    """Of every character of a passage but the first: the most likely one there, (length − 1,)
    int64, and the probability of the one that stands there, float32."""

    likeliest: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def reading(model: Model, passage: Passage) -> Reading:
    """How well a model knows what comes next in a passage."""
    codes = passage.codes
    with torch.no_grad():
        found = model(codes[None, :-1], train=False)[0].softmax(-1)
    own = found.gather(-1, codes[1:, None])[:, 0]
    return Reading(found.argmax(-1).cpu().numpy(), own.float().cpu().numpy())


def written(
    model: Model, prompt: torch.Tensor, length: int, context: int, seed: int
) -> Generator[None, None, list[int]]:
    """What a model writes after a prompt, a character a turn; the draws are the seed's alone, so
    that a change of the text is a change of the model.

    Args:
        prompt: codes (n,), int64.
        context: codes that the model sees at once.
    """
    draws = generator(seed, "written samples").random(length)
    codes = prompt.tolist()
    for draw in draws:
        seen: Any = torch.tensor([codes[-context:]], device=prompt.device)
        with torch.no_grad():
            logits = model(seen, train=False)[0, -1].double()
        along = (logits / TEMPERATURE).softmax(-1).cumsum(-1).cpu().numpy()
        codes.append(int(min(np.searchsorted(along, draw), len(along) - 1)))
        yield
    return list(codes[len(prompt) :])
