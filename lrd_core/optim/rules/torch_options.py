"""What torch's own optimizers are given beside the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from lrd_core.optim.rules.rule import TorchForm
from lrd_core.settings import Value


def adam_options(settings: Mapping[str, Value]) -> dict[str, Any]:
    """Settings under their own names, except ``betas``, torch's pair of beta1 and beta2."""
    others = {name: value for name, value in settings.items() if name not in ("beta1", "beta2")}
    return {**others, "betas": (settings["beta1"], settings["beta2"])}


def fused(parameters: Sequence[torch.Tensor]) -> bool:
    """Whether torch's fused step can take these: one pass, a third of the for-loop's time."""
    return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)


def plain_settings(
    *names: str, **wanted: object
) -> Callable[[Mapping[str, Any]], dict[str, Value] | None]:
    """Reads settings that torch keeps under their own names; ``betas`` become beta1 and beta2.

    Args:
        names: of settings, without the betas. A learning rate that is a tensor stays one where a
            number would have to be fetched from the device.
        wanted: values that other options of the group must have, e.g. ``amsgrad=False``; one that
            the group does not have is taken as it should be.
    """

    def settings(group: Mapping[str, Any]) -> dict[str, Value] | None:
        if any(group.get(name, value) != value for name, value in wanted.items()):
            return None
        found: dict[str, Value] = {}
        for name in names:
            value = group[name]
            stays = isinstance(value, bool) or (name == "lr" and _on_device(value, group))
            found[name] = value if stays else float(value)
        if "betas" in group:
            found["beta1"], found["beta2"] = (float(beta) for beta in group["betas"])
        return found

    return settings


def _on_device(value: object, group: Mapping[str, Any]) -> bool:
    if not isinstance(value, torch.Tensor):
        return False
    return bool(group.get("capturable")) or value.device.type != "cpu"


def adam_form(kind: type[torch.optim.Optimizer], decoupled: bool, amsgrad: bool) -> TorchForm:
    """torch's Adam, AdamW and their AMSGrad."""
    loop: Any = getattr(torch, "_fused_adamw_" if decoupled else "_fused_adam_", None)

    def fused_loop(
        p: torch.Tensor,
        g: torch.Tensor,
        states: Sequence[torch.Tensor],
        step: int,
        settings: Mapping[str, Value],
        maximize: bool,
    ) -> None:
        loop(
            [p],
            [g],
            *([state] for state in states),
            *([] if amsgrad else [[]]),
            [torch.tensor(float(step))],
            **settings,
            amsgrad=amsgrad,
            maximize=maximize,
        )

    state = {"m": "exp_avg", "v": "exp_avg_sq"}
    return TorchForm(
        kind=kind,
        settings=plain_settings(
            "lr", "eps", "weight_decay", amsgrad=amsgrad, decoupled_weight_decay=decoupled
        ),
        state=state | ({"v_max": "max_exp_avg_sq"} if amsgrad else {}),
        fused=None if loop is None else fused_loop,
    )
