"""What a run asks of a swarm's kernel: its variant, and tables with one row a step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from lrd_core.engine.experiment import RunSpec
from lrd_core.optim.kernels.program import Program, known_settings, program
from lrd_core.optim.policies import Policy, get_policy
from lrd_core.optim.policies.momentum_aligned import count
from lrd_core.optim.random_bits import derive, key, threshold
from lrd_core.optim.rules import get_rule
from lrd_core.settings import SettingError
from lrd_core.swarm.layout import Choice, Variant

Masks = Literal["own", "shared"]
DType = Literal["float32", "float64"]

#: Policies that choose in a way of their own and that kernels have lines for.
_NAMED = ("gradient_noise", "cautious", "momentum_aligned")


@dataclass(frozen=True, slots=True)
class Plan:
    """A run as its kernel reads it.

    Attributes:
        program, variant: which code.
        constants: (steps, constants), at least one column, of the swarm's dtype.
        keys, noise_keys: (steps, 2) uint32, low and high halves.
        limit: how many of the 2³² hash values are kept.
        factor, rest, sigma, whole: see `source.NUMBERS`.
    """

    program: Program
    variant: Variant
    constants: NDArray[np.floating]
    keys: NDArray[np.uint32]
    noise_keys: NDArray[np.uint32]
    limit: int
    factor: float
    rest: float
    sigma: float
    whole: bool


def plan(run: RunSpec, steps: int, seed: int, dtype: DType) -> Plan:
    """The plan of a checked run.

    Raises:
        SettingError: a policy that kernels have no lines for.
    """
    rule, policy = get_rule(run.optimizer), get_policy(run.policy)
    keep = 1.0 - run.drop_rate
    known = known_settings(rule, run.settings)
    chosen = program(rule, known)
    own = run.policy_settings
    rest = float(own.get("rest", 0.0))
    sigma = 0.0
    if policy.name == "gradient_noise":
        sigma = float(own["scale"]) * math.sqrt(run.drop_rate / keep)
    return Plan(
        program=chosen,
        variant=_variant(policy, run, rest, dtype),
        constants=_constants(chosen, run, steps).astype(dtype),
        keys=_keys(seed, steps),
        noise_keys=_keys(derive(seed, "gradient noise"), steps),
        limit=threshold(keep),
        factor=1.0 / keep,
        rest=rest,
        sigma=sigma,
        whole=count(keep, 2) == 2,
    )


def _variant(policy: Policy, run: RunSpec, rest: float, dtype: DType) -> Variant:
    bits: Literal[32, 64] = 32 if dtype == "float32" else 64
    mode: Literal["update", "gradient"] = "gradient" if policy.gradient else "update"
    if policy.name in _NAMED:
        scaled = run.rescale and policy.name != "gradient_noise"
        return Variant(bits, cast(Choice, policy.name), mode, scaled, rest > 0)
    if not policy.unit:
        raise SettingError(
            "policy", policy.name, "a policy that draws coins, or one of " + ", ".join(_NAMED)
        )
    # Of a tensor of shape (2,) every coordinate is a row and a column of its own.
    choice: Choice = "start" if policy.unit in ("tensor", "step") else "coordinate"
    return Variant(bits, choice, mode, run.rescale)


def _constants(chosen: Program, run: RunSpec, steps: int) -> NDArray[np.float64]:
    """(steps, constants); one column of zeros where the program has none."""
    table = np.zeros((steps, max(len(chosen.constants), 1)))
    scalars = tuple((chosen.rule.scalars or {}).values())
    for i in range(steps):
        row, scalars = chosen.evaluate(i + 1, run.settings, scalars)
        table[i, : len(row)] = row
    return table


@lru_cache(maxsize=32)
def _keys(seed: int, steps: int) -> NDArray[np.uint32]:
    """Keys of tensor 0 at steps 1, 2, …: (steps, 2), low and high half; read-only."""
    keys = np.array([key(seed, step, 0) for step in range(1, steps + 1)], dtype="<u8")
    halves = np.stack([keys & np.uint64(0xFFFFFFFF), keys >> np.uint64(32)], axis=1)
    found = np.ascontiguousarray(halves.astype(np.uint32))
    found.flags.writeable = False
    return found
