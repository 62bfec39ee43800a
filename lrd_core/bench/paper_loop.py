"""Learning Rate Dropout written down straight from the paper: a loop over the parameters.

Lin et al. 2019, arXiv:1912.00144, section 4: d ~ Bernoulli(keep) for every coordinate, and d
multiplies the learning rate. What `LRD` is compared with; slow, and not meant for training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch


class _PaperLoop(torch.optim.Optimizer):
    """Dense parameters with gradients of the same dtype; no closure.

    Args:
        params: tensors or parameter groups.
        keep: the paper's p, the probability that a coordinate keeps its learning rate.
        settings: of the update.
    """

    def __init__(self, params: Iterable[torch.Tensor], keep: float, **settings: float) -> None:
        self.keep = keep
        super().__init__(params, settings)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step of every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    update = self._update(p, p.grad, self.state[p], group)
                    d = torch.bernoulli(torch.full_like(p, self.keep))
                    p.sub_(update.mul_(d))

    def _update(
        self, p: torch.Tensor, g: torch.Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> torch.Tensor:
        """The full update as a new tensor, learning rate included."""
        raise NotImplementedError


class PaperAdam(_PaperLoop):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) with the mask on its learning rate."""

    def __init__(self, params: Iterable[torch.Tensor], keep: float = 0.5, lr: float = 1e-3) -> None:
        super().__init__(params, keep, lr=lr, beta1=0.9, beta2=0.999, eps=1e-8)

    def _update(
        self, p: torch.Tensor, g: torch.Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> torch.Tensor:
        if not state:
            state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
        state["step"] += 1
        beta1, beta2, m, v = group["beta1"], group["beta2"], state["m"], state["v"]
        m.mul_(beta1).add_(g, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        c1, c2 = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
        denominator = v.sqrt().div_(math.sqrt(c2)).add_(group["eps"])
        return torch.div(m, denominator, out=denominator).mul_(group["lr"] / c1)


class PaperMomentum(_PaperLoop):
    """SGD with momentum, buffer m = momentum·m + g, with the mask on its learning rate."""

    def __init__(
        self,
        params: Iterable[torch.Tensor],
        keep: float = 0.5,
        lr: float = 1e-3,
        momentum: float = 0.9,
    ) -> None:
        super().__init__(params, keep, lr=lr, momentum=momentum)

    def _update(
        self, p: torch.Tensor, g: torch.Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> torch.Tensor:
        if not state:
            state["m"] = torch.zeros_like(p)
        m: torch.Tensor = state["m"].mul_(group["momentum"]).add_(g)
        return torch.mul(m, group["lr"])
