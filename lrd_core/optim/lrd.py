"""Learning Rate Dropout around any torch optimizer (Lin et al. 2019, arXiv:1912.00144).

At every step each coordinate's learning rate is zero with probability `drop_rate`. What follows:

1. The base optimizer's moments see every gradient, those of dropped coordinates too.
2. Weight decay as L2 penalty is part of the gradient; decoupled decay (AdamW) is part of the
   update. Both are dropped with the coordinate.
3. At drop rate 0 the result has the base optimizer's very bits.
4. The kept update is not scaled by 1/keep, unless `rescale` asks for that unbiased variant.
5. The mask is drawn anew for each step and tensor, by logical position: strides, device and
   number of threads don't matter. Biases and norm parameters are masked like all others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import torch

from lrd_core.optim.measurement import Updated, measure
from lrd_core.optim.policies import Draw, get_policy
from lrd_core.optim.statistics import StepStatistics
from lrd_core.settings import DROP_RATE, Setting, SettingError

_RESCALE = Setting("rescale", False)
#: Key of the wrapper's own entry in its `state_dict`.
_OWN = "lrd"


class LRD(torch.optim.Optimizer):
    """Wraps a torch optimizer; use it in its place.

    ``group["drop_rate"]`` of each parameter group may change between any two steps. The groups,
    state and defaults are the base optimizer's own objects.

    Args:
        optimizer: any `torch.optim.Optimizer` over dense parameters.
        drop_rate: for groups that have none of their own, in [0, 1).
        seed: any integer. Masks are a function of (seed, step, tensor, position) only.
        policy: how masks are drawn, see `lrd_core.optim.policies`.
        rescale: multiply kept updates by 1/(1 − drop_rate).

    Attributes:
        optimizer: the base.
        seed, policy, rescale: as given; `policy` as a `Policy`.
        steps: steps taken; the next one has number ``steps + 1``. A step that GradScaler skips
            is not counted.
        collect_statistics: measure every step into `statistics`.
        statistics: of the last step, if it was collected.

    Checkpoints: `state_dict` is the base's with one more entry, ``"lrd"``; `load_state_dict` also
    takes a plain base optimizer's (the wrapper's own counter, seed and drop rates then stay as they
    are). ``lrd.optimizer.state_dict()`` gives a plain one; its groups have a ``drop_rate``, which
    torch's optimizers carry along unread.

    With a closure the base may move the parameters several times (LBFGS); its total update of the
    step is masked. Sparse gradients work, sparse parameters don't; a complex coordinate is kept or
    dropped as a whole. Global optimizer hooks run for the wrapper and for the base.

    Raises:
        SettingError: on construction or `step`, a value that cannot be used.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        drop_rate: float = 0.5,
        seed: int = 0,
        policy: str = "elementwise",
        rescale: bool = False,
    ) -> None:
        if not isinstance(optimizer, torch.optim.Optimizer) or isinstance(optimizer, LRD):
            raise SettingError(
                "optimizer",
                type(optimizer).__name__,
                "a torch.optim.Optimizer that is not wrapped yet, such as "
                "torch.optim.Adam(model.parameters())",
            )
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise SettingError("seed", seed, "a whole number")
        self.optimizer = optimizer
        self.seed = seed
        self.policy = get_policy(policy)
        self.rescale = bool(_RESCALE.check(rescale))
        self.steps = 0
        self.collect_statistics = False
        self.statistics: StepStatistics | None = None
        self._default_rate = float(DROP_RATE.check(drop_rate))
        # Optimizer.__init__ would make groups and state of its own; this part of it makes hooks.
        super().__setstate__({})
        self._check_groups()

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The base's parameter groups."""
        return self.optimizer.param_groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        self.optimizer.param_groups = groups

    @property
    def state(self) -> Any:
        """The base's state, by parameter."""
        return self.optimizer.state

    @state.setter
    def state(self, state: Any) -> None:
        self.optimizer.state = state

    @property
    def defaults(self) -> dict[str, Any]:
        """The base's defaults."""
        return self.optimizer.defaults

    @defaults.setter
    def defaults(self, defaults: dict[str, Any]) -> None:
        self.optimizer.defaults = defaults

    @property
    def drop_rate(self) -> float:
        """Drop rate of all groups, NaN if they differ; set it to change all, and later ones too."""
        rates = set(self._check_groups())
        return rates.pop() if len(rates) == 1 else float("nan")

    @drop_rate.setter
    def drop_rate(self, rate: float) -> None:
        self._default_rate = float(DROP_RATE.check(rate))
        for group in self.param_groups:
            group["drop_rate"] = self._default_rate

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group to the base; its drop rate is the default unless it has its own."""
        self.optimizer.add_param_group(param_group)
        self._check_groups()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears the gradients, as the base does it."""
        self.optimizer.zero_grad(set_to_none)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of the base, then dropped coordinates are put back.

        Args:
            closure: evaluates the model and returns the loss; handed on to the base.

        Returns:
            What the base's step returns: the closure's loss.

        Raises:
            SettingError: a drop rate outside [0, 1) or a sparse parameter. Nothing has changed.
        """
        rates = self._check_groups()
        before = self._before(rates, closure is not None)
        loss = self.optimizer.step() if closure is None else self.optimizer.step(closure)
        self.steps += 1
        self._restore(rates, before)
        return loss

    def _check_groups(self) -> list[float]:
        """The drop rate of every group, checked; groups that came without one get the default."""
        rates = []
        for i, group in enumerate(self.param_groups):
            rate = group.setdefault("drop_rate", self._default_rate)
            rates.append(float(DROP_RATE.check(rate, f"param_groups.{i}.drop_rate")))
            for j, p in enumerate(group["params"]):
                if p.layout != torch.strided:
                    raise SettingError(
                        f"param_groups.{i}.params.{j}", p.layout, "a dense (strided) parameter"
                    )
        return rates

    @torch.no_grad()
    def _before(self, rates: list[float], closure: bool) -> list[torch.Tensor | None]:
        """Copies of the parameters that may have to be put back, by tensor index."""
        return [
            # A closure makes the gradients only later: None now says nothing.
            p.clone()
            if (rate > 0 or self.collect_statistics) and (closure or p.grad is not None)
            else None
            for rate, group in zip(rates, self.param_groups, strict=True)
            for p in group["params"]
        ]

    @torch.no_grad()
    def _restore(self, rates: list[float], before: list[torch.Tensor | None]) -> None:
        updated: list[Updated] = []
        index = -1
        for rate, group in zip(rates, self.param_groups, strict=True):
            for place, p in enumerate(group["params"]):
                index += 1
                old = before[index]
                if old is None:
                    continue
                mask, new = self._masked(index, rate, p, old) if rate > 0 else (None, p)
                # Masked all the same if the base has cleared the gradient, but not measured.
                if self.collect_statistics and p.grad is not None:
                    names = group.get("param_names")
                    name = names[place] if names else str(index)
                    updated.append(Updated(index, name, mask, p.grad, old, p, new))
                elif mask is not None:
                    p.copy_(new)
        self.statistics = measure(updated) if self.collect_statistics else None
        for u in updated:
            if u.mask is not None:
                u.full.copy_(u.masked)

    def _masked(
        self, index: int, rate: float, p: torch.Tensor, old: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The mask and the parameter as it should be, given as it was and as the base left it."""
        keep = 1.0 - rate
        state = self.optimizer.state.get(p, {})
        mask = self.policy.mask(Draw(self.seed, self.steps, index, keep, p, state))
        new = old + (p - old) / keep if self.rescale else p
        # Selected, not multiplied: infinities, NaN and −0 keep their meaning.
        return mask, torch.where(mask, new, old)

    def state_dict(self) -> dict[str, Any]:
        """The base's `state_dict` and ``"lrd"``: steps, seed, policy, rescale."""
        for before in self._optimizer_state_dict_pre_hooks.values():
            before(self)
        state: dict[str, Any] = self.optimizer.state_dict()
        state[_OWN] = {
            "steps": self.steps,
            "seed": self.seed,
            "policy": self.policy.name,
            "rescale": self.rescale,
        }
        for after in self._optimizer_state_dict_post_hooks.values():
            changed = after(self, state)
            state = state if changed is None else changed
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up where a `state_dict` was made, the wrapper's or a plain base optimizer's."""
        state_dict = state_dict.copy()
        for before in self._optimizer_load_state_dict_pre_hooks.values():
            changed = before(self, state_dict)
            state_dict = state_dict if changed is None else changed
        own = state_dict.pop(_OWN, None)
        policy = get_policy(own["policy"]) if own else self.policy
        rates = [group.get("drop_rate", self._default_rate) for group in self.param_groups]
        self.optimizer.load_state_dict(state_dict)
        for group, rate in zip(self.param_groups, rates, strict=True):
            # torch takes the saved groups as they are; a plain optimizer's have no drop rate.
            group.setdefault("drop_rate", rate)
        if own:
            self.policy = policy
            self.steps, self.seed, self.rescale = own["steps"], own["seed"], own["rescale"]
        for after in self._optimizer_load_state_dict_post_hooks.values():
            after(self)

    def __getstate__(self) -> dict[str, Any]:
        # As in torch, hooks and a scheduler's patch of `step` stay behind.
        return {
            "optimizer": self.optimizer,
            "seed": self.seed,
            "policy": self.policy.name,
            "rescale": self.rescale,
            "steps": self.steps,
            "collect_statistics": self.collect_statistics,
            "statistics": self.statistics,
            "_default_rate": self._default_rate,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "policy": get_policy(state["policy"])})

    def __repr__(self) -> str:
        return (
            f"LRD (policy: {self.policy.name}, seed: {self.seed}, rescale: {self.rescale}, "
            f"steps: {self.steps}) of {self.optimizer!r}"
        )
