"""One copy of a run: the problem's instance for one seed, and the optimizer that trains it."""

from __future__ import annotations

from typing import Any

import torch

from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.optim import LRD
from lrd_core.optim.rules import get_rule
from lrd_core.problems import get_problem

#: Names of tensors in a snapshot begin with these.
PARAMETER, BUFFER, STATE = "parameter", "buffer", "state"


class Member:
    """Instance and optimizer of copy number `copy` of a run.

    Attributes:
        instance: parameters, buffers and losses.
        optimizer: steps them.
        on_surface: there are two parameters, and no data.
        loss: of the last step, detached, on the instance's device; None before the first.
    """

    def __init__(self, experiment: ExperimentSpec, spec: RunSpec, copy: int) -> None:
        problem = get_problem(experiment.problem)
        self.instance = problem.build(
            experiment.settings, experiment.seed + copy, torch.device(experiment.device)
        )
        self._mask_seed = experiment.mask_seed(spec, copy)
        self.on_surface = problem.kind == "surface"
        self._ahead: torch.Tensor | None = None
        self.loss: torch.Tensor | None = None
        self.optimizer = self._made(spec)

    def _made(self, spec: RunSpec) -> LRD:
        rule = get_rule(spec.optimizer)
        return LRD(
            rule.optimizer(self.instance.parameters, spec.settings),
            drop_rate=spec.drop_rate,
            seed=self._mask_seed,
            policy=spec.policy,
            rescale=spec.rescale,
            policy_settings=spec.policy_settings,
            # Waits: were code to change on the way, the last bits of the statistics would, too.
            kernel="compiled",
            collect_statistics=True,
        )

    def backward(self) -> None:
        """On a surface: loss and gradients where the point is."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._ahead if self._ahead is not None else self.instance.loss(1)
        loss.backward()  # type: ignore[no-untyped-call]
        self._ahead, self.loss = None, loss.detach()

    def look_ahead(self, step: int) -> None:
        """After an update on a surface: the value where the point is now is the step's loss."""
        if self.on_surface:
            self._ahead = self.instance.loss(step + 1)
            self.loss = self._ahead.detach()

    def turn(self, spec: RunSpec) -> None:
        """Go on from here with other settings (the optimizer stays the same)."""
        tensors, numbers = self.capture()
        self.optimizer = self._made(spec)
        self.restore(tensors, numbers)

    # --- snapshots --------------------------------------------------------------------------------

    def capture(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that the future depends on: copies of tensors on the CPU, and plain numbers."""
        tensors = {f"{PARAMETER}.{i}": _copied(p) for i, p in enumerate(self.instance.parameters)}
        tensors |= {f"{BUFFER}.{k}": _copied(b) for k, b in self.instance.buffers.items()}
        numbers: dict[str, Any] = {"steps": self.optimizer.steps}
        state = self.optimizer.optimizer.state
        for i, parameter in enumerate(self.instance.parameters):
            for key, value in state.get(parameter, {}).items():
                name = f"{STATE}.{i}.{key}"
                if isinstance(value, torch.Tensor):
                    tensors[name] = _copied(value)
                else:
                    numbers[name] = value
        return tensors, numbers

    def restore(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        """The state that `capture` gave.

        Raises:
            ValueError: it is of another model.
        """
        self._check(tensors)
        with torch.no_grad():
            for i, parameter in enumerate(self.instance.parameters):
                parameter.copy_(tensors[f"{PARAMETER}.{i}"])
            for name, buffer in self.instance.buffers.items():
                buffer.copy_(tensors[f"{BUFFER}.{name}"])
        self.optimizer.optimizer.state.clear()
        for name, value in [*tensors.items(), *numbers.items()]:
            kind, _, rest = name.partition(".")
            if kind != STATE:
                continue
            index, _, key = rest.partition(".")
            parameter = self.instance.parameters[int(index)]
            self.optimizer.optimizer.state[parameter][key] = (
                _placed(value, parameter) if isinstance(value, torch.Tensor) else value
            )
        self.optimizer.steps = int(numbers["steps"])
        self._ahead = self.loss = None

    def _check(self, tensors: dict[str, torch.Tensor]) -> None:
        parameters = self.instance.parameters
        expected = {f"{PARAMETER}.{i}": p.shape for i, p in enumerate(parameters)}
        expected |= {f"{BUFFER}.{k}": b.shape for k, b in self.instance.buffers.items()}
        for name, shape in expected.items():
            if name not in tensors or tensors[name].shape != shape:
                raise ValueError(f"{name}: a checkpoint of another model")


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _placed(value: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """State on its parameter's device, but for counters, which optimizers keep on the CPU."""
    return value.clone() if value.dim() == 0 else value.to(parameter.device, copy=True)
