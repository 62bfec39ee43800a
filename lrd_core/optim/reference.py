"""A rule under a policy, in float64 NumPy: slow, plain, and the oracle of every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrd_core.optim.policies import ReferenceDraw, get_policy
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
    """A policy's masks or gradients around a rule.

    Kept updates are multiplied by the policy's scale under `rescale` (1/keep, unless the policy has
    its own), the others by its setting ``rest`` (0 without one).

    Args:
        rule: name of a rule.
        parameters: initial values of the parameter tensors, any shapes.
        settings: the rule's settings; defaults for those not given.
        drop_rate, seed, rescale: as for `LRD`.
        policy: name of a policy.
        policy_settings: the policy's settings; defaults for those not given.

    Attributes:
        parameters: their values now, float64.
        drop_rate, settings, policy_settings: may be changed between steps.
        steps: steps taken.
        masks: bool masks of the last step's updates, None for a tensor that had no gradient. All
            true under a policy that changes the gradient: it leaves no update out.

    Raises:
        SettingError: an unknown rule or policy, or a bad setting.
    """

    def __init__(
        self,
        rule: str,
        parameters: Sequence[NDArray[Any]],
        settings: Mapping[str, object] | None = None,
        drop_rate: float = 0.5,
        seed: int = 0,
        rescale: bool = False,
        policy: str = "elementwise",
        policy_settings: Mapping[str, object] | None = None,
    ) -> None:
        self.rule = get_rule(rule)
        self.parameters: list[Array] = [np.array(p, dtype=np.float64) for p in parameters]
        self.settings = check_settings(self.rule.settings, settings or {})
        self.drop_rate = drop_rate
        self.seed = seed
        self.rescale = rescale
        self.policy = get_policy(policy)
        self.policy_settings = check_settings(
            self.policy.settings, policy_settings or {}, "policy_settings"
        )
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
            draw = ReferenceDraw(
                seed=self.seed,
                step=self.steps,
                tensor=j,
                keep=keep,
                gradient=np.asarray(g, dtype=np.float64),
                before=p,
                after=p,
                state=self._momentum(j),
                settings={**self.policy_settings, "rescale": self.rescale},
            )
            if self.policy.gradient is not None:
                self.parameters[j] = p + self._delta(j, self.policy.reference(draw))
                self.masks[j] = np.ones(p.shape, dtype=np.bool_)
                continue
            delta = self._delta(j, draw.gradient)
            draw = replace(draw, after=p + delta, state=self._momentum(j))
            mask = np.broadcast_to(self.policy.reference(draw), p.shape)
            left = p + self._rest() * delta if self._rest() else p
            self.masks[j] = mask
            self.parameters[j] = np.where(mask, p + self._scale(draw, mask) * delta, left)
        return self.parameters

    def _delta(self, tensor: int, g: Array) -> Array:
        """The rule's update of one tensor; moves its state on."""
        state = self._states[tensor]
        state.steps += 1
        delta, *values = self._update(
            p=self.parameters[tensor],
            g=g,
            step=state.steps,
            **dict(zip(self._names, state.values, strict=True)),
            **self.settings,
        )
        # NumPy makes plain numbers of arrays of no dimension: a policy may change a state in place.
        state.values = [np.asarray(value) for value in values]
        return np.asarray(delta)

    def _momentum(self, tensor: int) -> dict[str, Any]:
        """The state without the momentum buffer of a rule whose momentum is 0: torch has none."""
        state = self.state(tensor)
        if self.settings.get("momentum") == 0:
            state.pop("b", None)
        return state

    def _scale(self, draw: ReferenceDraw, mask: NDArray[np.bool_]) -> float:
        if not self.rescale:
            return 1.0
        own = self.policy.reference_scale
        return 1.0 / draw.keep if own is None else own(draw, mask)

    def _rest(self) -> float:
        return float(self.policy_settings.get("rest", 0.0))

    def state(self, tensor: int) -> dict[str, Any]:
        """The rule's state of one tensor, by the rule's names."""
        return dict(zip(self._names, self._states[tensor].values, strict=True))
