"""A rule run in float64 NumPy under the same masks: slow, plain, and the oracle of every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrd_core.optim.random_bits import keep_mask_numpy
from lrd_core.optim.rules import get_rule
from lrd_core.optim.rules.blocks import NUMPY, bind
from lrd_core.settings import DROP_RATE, check_settings

Array = NDArray[np.float64]


@dataclass
class _TensorState:
    """Steps with a gradient so far, and the rule's state after them, in the order of its names."""

    steps: int = 0
    values: list[Any] = field(default_factory=list)


class Reference:
    """Learning Rate Dropout around a rule, element-wise.

    Args:
        rule: name of a rule.
        parameters: initial values of the parameter tensors, any shapes.
        settings: the rule's settings; defaults for those not given.
        drop_rate, seed, rescale: as for `LRD`.

    Attributes:
        parameters: their values now, float64.
        drop_rate, settings: may be changed between steps.
        steps: steps taken.
        masks: bool masks of the last step, None for a tensor that had no gradient.

    Raises:
        SettingError: an unknown rule or a bad setting.
    """

    def __init__(
        self,
        rule: str,
        parameters: Sequence[NDArray[Any]],
        settings: Mapping[str, object] | None = None,
        drop_rate: float = 0.5,
        seed: int = 0,
        rescale: bool = False,
    ) -> None:
        self.rule = get_rule(rule)
        self.parameters: list[Array] = [np.array(p, dtype=np.float64) for p in parameters]
        self.settings = check_settings(self.rule.settings, settings or {})
        self.drop_rate = drop_rate
        self.seed = seed
        self.rescale = rescale
        self.steps = 0
        self.masks: list[NDArray[np.bool_] | None] = [None] * len(self.parameters)
        scalars = self.rule.scalars or {}
        self._names = (*self.rule.state, *scalars)
        self._update = bind(self.rule.update, NUMPY)
        self._states = [
            _TensorState(values=[*(np.zeros_like(p) for _ in self.rule.state), *scalars.values()])
            for p in self.parameters
        ]

    def step(self, gradients: Sequence[NDArray[Any] | None]) -> list[Array]:
        """One step; None leaves a tensor and its state as they are.

        Returns:
            The new parameters.
        """
        keep = 1.0 - float(DROP_RATE.check(self.drop_rate))
        self.steps += 1
        for j, (p, g) in enumerate(zip(self.parameters, gradients, strict=True)):
            self.masks[j] = None
            if g is None:
                continue
            state = self._states[j]
            state.steps += 1
            delta, *state.values = self._update(
                p=p,
                g=np.asarray(g, dtype=np.float64),
                step=state.steps,
                **dict(zip(self._names, state.values, strict=True)),
                **self.settings,
            )
            if self.rescale:
                delta = delta / keep
            mask = keep_mask_numpy(self.seed, self.steps, j, p.size, keep).reshape(p.shape)
            self.masks[j] = mask
            self.parameters[j] = np.where(mask, p + delta, p)
        return self.parameters

    def state(self, tensor: int) -> dict[str, Any]:
        """The rule's state of one tensor, by the rule's names."""
        return dict(zip(self._names, self._states[tensor].values, strict=True))
