"""Learning Rate Dropout around any torch optimizer (Lin et al. 2019, arXiv:1912.00144).

At every step each coordinate's learning rate is zero with probability `drop_rate`. What follows is
stated line by line in docs/semantics.md:

1. The base optimizer's moments see every gradient, those of dropped coordinates too.
2. Weight decay as L2 penalty is part of the gradient; decoupled decay (AdamW) is part of the
   update. Both are dropped with the coordinate.
3. At drop rate 0 the result has the base optimizer's very bits.
4. The kept update is not scaled by 1/keep, unless `rescale` asks for that unbiased variant.
5. The mask is drawn anew for each step and tensor, by logical position: strides, shards, device and
   number of threads don't matter. Biases and norm parameters are masked like all others.

An optimizer whose rule is known (`lrd_core.optim.rules`) is stepped in one pass in which the mask
exists in registers only; any other steps first, and dropped coordinates are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, overload

import torch
import torch.optim.optimizer as hooks
from torch._C._autograd import _profiler_enabled
from torch._compile import _disable_dynamo

from lrd_core.optim.base_step import base_step
from lrd_core.optim.masking import Choice
from lrd_core.optim.measurement import Measured, StepSums, SumsAt, Updated
from lrd_core.optim.policies import get_policy
from lrd_core.optim.rates import DropRate, Rates
from lrd_core.optim.saving import Saving, policy_checked
from lrd_core.optim.statistics import StepStatistics
from lrd_core.optim.stepping.binding import is_known
from lrd_core.optim.stepping.fused import FusedSteps
from lrd_core.optim.stepping.request import Request
from lrd_core.optim.stepping.shards import local
from lrd_core.optim.stepping.step_count import capturing
from lrd_core.settings import Setting, SettingError, Value

_RESCALE = Setting("rescale", False)
_KERNEL = Setting("kernel", "auto", choices=("auto", "compiled", "torch"))


def _has_hooks(optimizer: torch.optim.Optimizer) -> bool:
    own = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    return bool(own or hooks._global_optimizer_pre_hooks or hooks._global_optimizer_post_hooks)


class LRD(Saving):
    """Wraps a torch optimizer; use it in its place.

    ``group["drop_rate"]`` of each parameter group may change between any two steps. The groups,
    state and defaults are the base optimizer's own objects.

    Args:
        optimizer: any `torch.optim.Optimizer` over dense parameters.
        drop_rate: for groups that have none of their own: a number in [0, 1), a schedule
            (`lrd_core.optim.schedules`), or either for patterns of parameter names, the first match
            counting: ``{"*.bias": 0.0, "*": 0.5}``.
        seed: any integer. Masks are a function of (seed, step, tensor, position) only.
        policy: what is left out, see `lrd_core.optim.policies`.
        rescale: multiply kept updates by 1/(1 − drop_rate).
        policy_settings: the policy's own, by name.
        kernel: ``"auto"`` uses compiled code as soon as it is there (loaded or compiled in the
            background; until then torch's operations, with the same result), ``"compiled"`` waits
            for it, ``"torch"`` never asks for it.
        collect_statistics: measure every step.

    Attributes:
        optimizer: the base.
        seed, policy, rescale, policy_settings, kernel: as given; `policy` as a `Policy`.
        steps: steps taken; the next one has number ``steps + 1``. A step that GradScaler skips
            is not counted.
        collect_statistics: measure every step into `statistics`.
        statistics: of the last step, if it was collected.

    Checkpoints: `state_dict` is the base's with one more entry, ``"lrd"``; `load_state_dict` also
    takes a plain base optimizer's (the wrapper's own counter, seed and drop rates then stay as they
    are). ``lrd.optimizer.state_dict()`` gives a plain one; its groups have a ``drop_rate``, which
    torch's optimizers carry along unread.

    ``torch.distributed.checkpoint.state_dict`` keeps only what torch's optimizers have: give it
    ``lrd.optimizer``, save ``lrd.state_dict()["lrd"]`` beside, and load that by
    ``lrd.load_state_dict({**lrd.state_dict(), "lrd": saved})``.

    Memory: an optimizer with a rule needs none beside its state. Any other, and a policy that
    chooses after the step, needs one copy of the parameters that can be dropped while the step
    lasts (at drop rate 0 none), with `collect_statistics` two. Numbers that an optimizer derives
    from parameters it has just stepped (the average of ASGD) see the step before it is masked.

    Sharded parameters (FSDP2, DTensor) have the masks of the whole parameter, cut alike; statistics
    are this rank's share.

    With a closure an optimizer without a rule may move the parameters several times (LBFGS); its
    total update of the step is masked. Sparse gradients work, sparse parameters don't; a complex
    coordinate is kept or dropped as a whole. The wrapper's hooks run at every step; hooks on the
    base make it step itself. Under ``torch.compile`` the step is a graph break.

    A CUDA graph of the step draws new masks at each replay. It needs ``capturable=True`` or
    ``fused=True``, a step taken before it is captured, and a policy that draws a coin for each
    coordinate; it keeps the drop rates, seed and numbers that it was captured with.

    Raises:
        SettingError: on construction or `step`, a value that cannot be used.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        drop_rate: DropRate = 0.5,
        seed: int = 0,
        policy: str = "elementwise",
        rescale: bool = False,
        policy_settings: Mapping[str, object] | None = None,
        kernel: str = "auto",
        collect_statistics: bool = False,
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
        self.kernel = str(_KERNEL.check(kernel))
        self._set_policy_settings(policy_settings or {})
        self.collect_statistics = collect_statistics
        self._measured: Measured | None = None
        self._rates = Rates(drop_rate)
        self._fused = FusedSteps(optimizer)
        # Optimizer.__init__ would make groups and state of its own; this part of it makes hooks.
        super().__setstate__({})
        self._check_groups()
        self._fused.prepare(self._rates.at(1, self.param_groups), self._request(1))

    @property
    def steps(self) -> int:
        """Steps taken; after one with GradScaler on CUDA, or in a CUDA graph, the device is read.

        Set it to draw other masks from the next step on.
        """
        return self._fused.count.read()

    @steps.setter
    def steps(self, steps: int) -> None:
        self._fused.count.write(steps)

    @property
    def statistics(self) -> StepStatistics | None:
        """Of the last step, if it was collected; read from the device when first asked for."""
        return None if self._measured is None else self._measured.statistics()

    @property
    def sums(self) -> StepSums | None:
        """What the last step has summed, if statistics were collected in one pass of an engine:
        they are cheaper to make of many steps at once (`lrd_core.probes.update_columns`)."""
        return None if self._measured is None else self._measured.sums()

    @property
    def sums_at(self) -> SumsAt | None:
        """Where in memory the last step's sums of all parameters lie (`Measured.sums_at`); None if
        they don't lie in one piece."""
        return None if self._measured is None else self._measured.sums_at

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """Whether GradScaler leaves unscaling, and the choice whether to step, to the device."""
        # Sparse gradients are the base's, which then needs them unscaled.
        grads = (p.grad for group in self.param_groups for p in group["params"])
        if any(g is not None and g.layout != torch.strided for g in grads):
            return False
        return self._fused.on_device(self._check_groups(), self._request(self._next()))

    def _next(self) -> int:
        """Number of the next step, or the most it can be where only devices count and need it."""
        count = self._fused.count
        if not count.certain and self._rates.constant(self.param_groups):
            step = count.nominal + 1
            rates = self._rates.at(step, self.param_groups)
            if self._fused.on_device(rates, self._request(step)):
                return step
        return self.steps + 1

    @property
    def drop_rate(self) -> float:
        """Drop rate of all parameters, NaN if they differ.

        Set it to change all, and later ones too. It takes what the argument `drop_rate` takes, and
        ends schedules and patterns.
        """
        rates = set(self._check_groups())
        return rates.pop() if len(rates) == 1 else float("nan")

    @drop_rate.setter
    def drop_rate(self, rate: DropRate) -> None:
        rates, step = deepcopy(self._rates), self.steps + 1
        rates.set(rate)
        without = [dict(group) for group in self.param_groups]
        for group in without:
            group.pop("drop_rate", None)
        # Raises before anything has changed.
        rates.at(step, without)
        self._rates = rates
        for group in self.param_groups:
            group.pop("drop_rate", None)
        self._rates.at(step, self.param_groups)

    @property
    def policy_settings(self) -> dict[str, Value]:
        """The policy's settings; set a mapping to change some or all, between any two steps."""
        return dict(self._policy_settings)

    @policy_settings.setter
    def policy_settings(self, settings: Mapping[str, object]) -> None:
        self._set_policy_settings({**self._policy_settings, **settings})

    def _set_policy_settings(self, settings: Mapping[str, object]) -> None:
        self._policy_settings = policy_checked(self.policy, settings)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group to the base; its drop rate is the default unless it has its own.

        Raises:
            SettingError: a drop rate or parameter that cannot be used. Nothing has changed.
        """
        self.optimizer.add_param_group(param_group)
        try:
            self._check_groups()
        except SettingError:
            self.param_groups.pop()
            self._rates.forget(len(self.param_groups))
            raise

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of the base, without the coordinates that are dropped.

        Args:
            closure: evaluates the model and returns the loss.

        Returns:
            The closure's loss.

        Raises:
            SettingError: a drop rate outside [0, 1), a sparse parameter, or a step in inference
                mode. Nothing has changed.
        """
        if torch.compiler.is_compiling():
            loss: float | None = self._uncompiled_step(closure)
            return loss
        # torch's wrapper, which runs hooks and marks the step for the profiler, takes longer than
        # a small step.
        if _has_hooks(self) or _profiler_enabled():
            return self._hooked_step(closure)
        return self._step(closure)

    @_disable_dynamo
    def _uncompiled_step(self, closure: Callable[[], float] | None) -> float | None:
        return self._hooked_step(closure)

    def _hooked_step(self, closure: Callable[[], float] | None) -> float | None:
        hooked: Any = torch.optim.Optimizer.profile_hook_step(LRD._step)
        loss: float | None = hooked(self) if closure is None else hooked(self, closure)
        return loss

    def _step(self, closure: Callable[[], float] | None = None) -> float | None:
        if torch.is_inference_mode_enabled():
            raise SettingError(
                "step",
                "torch.inference_mode",
                "torch.no_grad() instead: state made in inference mode can't be changed outside it",
            )
        rates = self._check_groups()
        step = self._next()
        request = self._request(step)
        loss: float | None = None
        if closure is not None and is_known(self.optimizer):
            with torch.enable_grad():
                loss, closure = closure(), None
        with torch.no_grad():
            done, sums = self._fused.step(rates, request, closure is None)
        measured: list[Updated] = []
        if len(done) < len(rates) or closure is not None or not done:
            entries = list(self._parameters())
            stepped = base_step(
                self.optimizer,
                [entry for entry in entries if entry[0] not in done],
                [entry for entry in entries if entry[0] in done],
                rates,
                Choice(self.policy, self._policy_settings, self.rescale, self.seed, step),
                closure,
                measured.append if self.collect_statistics else None,
            )
            loss = loss if stepped is None else stepped
        if not request.captured:
            self._fused.count.taken(step)
        self._measured = None
        if self.collect_statistics:
            factors, names = self._factors(rates), self._names
            kept_all = self.policy.gradient is not None
            self._measured = Measured(measured, sums, factors, names, kept_all, request.captured)
        return loss

    def _request(self, step: int) -> Request:
        # GradScaler sets these on an optimizer that supports them, for the time of the step.
        given = {name: getattr(self, name, None) for name in ("found_inf", "grad_scale")}
        scaler: dict[str, Any] = {k: v for k, v in given.items() if isinstance(v, torch.Tensor)}
        return Request(
            self.seed,
            step,
            self.policy,
            self.rescale,
            self.collect_statistics,
            self.kernel,
            capturing(),
            **scaler,
        )

    def _parameters(self) -> Iterator[tuple[int, str, torch.Tensor]]:
        """(position, name, tensor) of every parameter."""
        index = 0
        for group in self.param_groups:
            names = group.get("param_names")
            for place, p in enumerate(group["params"]):
                yield index, names[place] if names else str(index), p
                index += 1

    def _names(self) -> dict[int, tuple[str, int]]:
        """Name and number of elements on this rank, by position."""
        return {index: (name, local(p).numel()) for index, name, p in self._parameters()}

    def _factors(self, rates: list[float]) -> list[float]:
        """What kept updates are multiplied by."""
        if not self.rescale or self.policy.gradient is not None:
            return [1.0] * len(rates)
        return [1.0 / (1.0 - rate) for rate in rates]

    def _check_groups(self) -> list[float]:
        """The drop rate of every parameter, checked; groups that came without one get theirs."""
        rates = self._rates.at(self._next(), self.param_groups)
        checked = tuple(len(group["params"]) for group in self.param_groups)
        if checked != getattr(self, "_checked", None):
            for i, group in enumerate(self.param_groups):
                for j, p in enumerate(group["params"]):
                    at = f"param_groups.{i}.params.{j}"
                    if p.layout != torch.strided:
                        raise SettingError(at, p.layout, "a dense (strided) parameter")
                    if p.is_inference():
                        raise SettingError(
                            at,
                            "a tensor of torch.inference_mode",
                            "a parameter that is made outside it (clone it there)",
                        )
            self._checked = checked
        return rates

    def __getstate__(self) -> dict[str, Any]:
        # As in torch, hooks and a scheduler's patch of `step` stay behind.
        return {
            "optimizer": self.optimizer,
            "seed": self.seed,
            "policy": self.policy.name,
            "rescale": self.rescale,
            "steps": self.steps,
            "kernel": self.kernel,
            "collect_statistics": self.collect_statistics,
            "_measured": self._measured,
            "_policy_settings": self._policy_settings,
            "_rates": self._rates,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = {key: value for key, value in state.items() if key != "steps"}
        super().__setstate__({**own, "policy": get_policy(state["policy"])})
        self._fused = FusedSteps(self.optimizer)
        self.steps = state["steps"]

    def __repr__(self) -> str:
        return (
            f"LRD (policy: {self.policy.name}, seed: {self.seed}, rescale: {self.rescale}, "
            f"steps: {self.steps}) of {self.optimizer!r}"
        )


# Told to torch, which would wrap it: `step` calls the wrapper itself where that does something.
LRD.step.hooked = True  # type: ignore[attr-defined]
