"""The same starts, trained by `LRD` or by torch alone on torch's own gradients, float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.engine.experiment import RunSpec, check_run
from lrd_core.optim import LRD
from lrd_core.optim.rules import get_rule
from lrd_core.problems import PROBLEMS, Surface

#: Settings under which every line of a rule counts.
SETTINGS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9, "dampening": 0.1},
    "rmsprop": {"momentum": 0.5, "centered": True},
}


def surface(name: str, rotation: float = 0.0) -> Surface:
    found = PROBLEMS[name]
    assert isinstance(found, Surface)
    return found.settled({"rotation": rotation})


def run(optimizer: str, on: Surface, drop_rate: float = 0.5, **given: Any) -> RunSpec:
    settings = {"weight_decay": 0.01} | SETTINGS.get(optimizer, {}) | given.pop("settings", {})
    parts = {"optimizer": optimizer, "settings": settings, "drop_rate": drop_rate} | given
    return check_run(parts, 0, on.suggested_lr)


def starts(on: Surface, count: int, seed: int = 1) -> NDArray[np.float64]:
    """(count, 2), anywhere in the view."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(*on.view.x, count), rng.uniform(*on.view.y, count)], axis=1)


def trained(
    on: Surface, spec: RunSpec, at: NDArray[np.float64], steps: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Positions after each step; `at` is one parameter: (2,) or (starts, 2)."""
    position = torch.nn.Parameter(torch.tensor(at))
    optimizer = LRD(
        get_rule(spec.optimizer).optimizer([position], spec.settings),
        drop_rate=spec.drop_rate,
        seed=seed,
        policy=spec.policy,
        rescale=spec.rescale,
        policy_settings=spec.policy_settings,
        kernel="torch",
    )
    for _ in range(steps):
        optimizer.zero_grad()
        _value(on, position).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield position.detach().numpy().copy()


def alone(on: Surface, spec: RunSpec, at: NDArray[np.float64], steps: int, seed: int) -> Any:
    """End points of starts that each are a run with the same seed."""
    return np.array([list(trained(on, spec, point, steps, seed))[-1] for point in at])


def base(spec: RunSpec, position: torch.nn.Parameter) -> torch.optim.Optimizer:
    """The optimizer without a mask."""
    return get_rule(spec.optimizer).optimizer([position], spec.settings)


def _value(on: Surface, position: torch.Tensor) -> torch.Tensor:
    value: torch.Tensor = on.value(position[..., 0], position[..., 1], torch).sum()
    return value


def backward(on: Surface, position: torch.nn.Parameter) -> None:
    """Leaves the surface's gradient in `position.grad`."""
    position.grad = None
    _value(on, position).backward()  # type: ignore[no-untyped-call]
