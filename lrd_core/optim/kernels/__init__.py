"""Engines: code made from a rule's update, for CPUs (numba, torch) and CUDA (Triton)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lrd_core.optim.policies import Policy
    from lrd_core.optim.rules import Rule

Device = Literal["cpu", "cuda"]
Engine = Literal["compiled", "triton", "torch", "step and restore"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What steps float32 parameters of a device, and why.

    Attributes:
        rule, policy, device: what is asked.
        engine: ``"compiled"`` (numba), ``"triton"``, ``"torch"`` (the same formula by torch's
            operations), or ``"step and restore"`` (the base steps, dropped coordinates are put
            back).
        reason: why.
    """

    rule: str
    policy: str
    device: Device
    engine: Engine
    reason: str


def explain() -> list[Explanation]:
    """For every rule, policy and device what `LRD` would use in this process; compiles nothing.

    Rules are taken with their default settings and as `Rule.optimizer` makes them.
    """
    from lrd_core.optim.policies import POLICIES
    from lrd_core.optim.rules import RULES

    devices: tuple[Device, ...] = ("cpu", "cuda")
    return [
        Explanation(rule.name, policy.name, device, *_engine(rule, policy, device))
        for rule in RULES.values()
        for policy in POLICIES.values()
        for device in devices
    ]


def _engine(rule: Rule, policy: Policy, device: Device) -> tuple[Engine, str]:
    import torch

    from lrd_core.optim.kernels import cpu, cuda
    from lrd_core.optim.kernels.entry import Variant
    from lrd_core.optim.kernels.program import known_settings, program
    from lrd_core.optim.stepping.binding import bind_group
    from lrd_core.optim.stepping.cuda_lot import CudaLot
    from lrd_core.optim.stepping.fused import lot_type, unfused

    dtype = torch.float32
    problem = unfused(policy)
    if problem:
        return "step and restore", problem
    settings = {setting.name: setting.default for setting in rule.settings}
    optimizer = rule.optimizer([torch.nn.Parameter(torch.zeros(1, dtype=dtype))], settings)
    binding = bind_group(optimizer, optimizer.param_groups[0])
    if isinstance(binding, str):
        return "step and restore", binding
    lot = lot_type(device, dtype, "auto")
    if isinstance(lot, str):
        return "step and restore", lot
    if lot is CudaLot:
        return "triton", cuda.available()[1]
    chosen = program(rule, known_settings(rule, binding.settings), binding.maximize)
    refused = cpu.refusal(chosen, Variant(dtype, policy.fused or "update"))
    if refused:
        return "torch", refused
    exact = "torch's own arithmetic, to the bit"
    return "compiled", exact if rule.fused else "every operation rounded"
