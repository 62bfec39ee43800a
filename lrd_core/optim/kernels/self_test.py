"""What a compiled kernel must show before it is used in this process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from lrd_core.optim import random_bits
from lrd_core.optim.kernels.cpu import Kernel, Table
from lrd_core.optim.kernels.torch_engine import Loop
from lrd_core.optim.kernels.torch_engine import step as torch_step
from lrd_core.settings import Value, check_settings

#: Smaller and larger than a vector, a block and their multiples.
SIZES = (1, 13, 64, 1024 + 29, 4096 + 7)
SEED, STEPS, KEEP = 5, 3, 0.5


def self_test(kernel: Kernel) -> str:
    """What is wrong with a kernel; empty if nothing is.

    Three steps on small tensors beside torch's operations with the same masks: parameters and
    states must be equal to the bit, sums within rounding.
    """
    ours, theirs = _Side(kernel), _Side(kernel)
    for number in range(1, STEPS + 1):
        gradients = [
            torch.from_numpy(ours.rng.normal(size=n)).to(kernel.variant.dtype) for n in SIZES
        ]
        sums = ours.compiled(kernel, number, gradients)
        expected = theirs.by_torch(kernel, number, gradients)
        for mine, other in zip(ours.tensors(), theirs.tensors(), strict=True):
            if not torch.equal(_bits(mine), _bits(other)):
                count = int((_bits(mine) != _bits(other)).sum())
                return f"{count} of {mine.numel()} values differ from torch's at step {number}"
        if sums is not None and not np.allclose(sums, expected, rtol=1e-4, atol=1e-9):
            return f"its sums differ at step {number}"
    return ""


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.view(torch.int32 if tensor.dtype == torch.float32 else torch.int64)


class _Side:
    """Parameters and state of one of the two."""

    def __init__(self, kernel: Kernel) -> None:
        program, dtype = kernel.program, kernel.variant.dtype
        self.rng = np.random.default_rng(3)
        self.parameters = [torch.from_numpy(self.rng.normal(size=n)).to(dtype) for n in SIZES]
        self.states = [[torch.zeros_like(p) for _ in program.states] for p in self.parameters]
        self.settings: dict[str, Value] = check_settings(
            program.rule.settings, _moved(kernel) | dict(program.known)
        )
        self.scalars = tuple((program.rule.scalars or {}).values())

    def tensors(self) -> list[torch.Tensor]:
        return [*self.parameters, *(state for states in self.states for state in states)]

    def _constants(self, kernel: Kernel, number: int) -> tuple[float, ...]:
        constants, self.scalars = kernel.program.evaluate(number, self.settings, self.scalars)
        return constants

    def compiled(
        self, kernel: Kernel, number: int, gradients: list[torch.Tensor]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
        constants = self._constants(kernel, number)
        table = Table(len(kernel.program.states), len(constants), len(SIZES))
        table.set("parameter", [p.data_ptr() for p in self.parameters])
        table.set("gradient", [g.data_ptr() for g in gradients])
        for i in range(len(kernel.program.states)):
            table.set_state(i, [states[i].data_ptr() for states in self.states])
        table.set_sizes(np.array(SIZES))
        table.set("index", np.arange(len(SIZES)))
        table.set_coins(np.full(len(SIZES), random_bits.threshold(KEEP)))
        for row in range(len(SIZES)):
            table.set_constants(row, kernel.program, constants, 1 / KEEP)
        table.set_base(random_bits.step_key(SEED, number))
        table.run(kernel, kernel.variant.statistics)
        return table.sums if kernel.variant.statistics else None

    def by_torch(
        self, kernel: Kernel, number: int, gradients: list[torch.Tensor]
    ) -> list[list[float]]:
        program, variant = kernel.program, kernel.variant
        constants = self._constants(kernel, number)
        fused = program.rule.form.fused if program.rule.form else None
        loop: Loop | None = None
        if fused is not None:

            def loop(p: torch.Tensor, g: torch.Tensor, states: Sequence[torch.Tensor]) -> None:
                fused(p, g, states, number, self.settings, program.maximize)

        rows = []
        for j, (p, g, states) in enumerate(
            zip(self.parameters, gradients, self.states, strict=True)
        ):
            bits = random_bits.keep_bits(SEED, number, j, p.numel(), KEEP, 0)
            coins = partial(_part, bits)
            sums = torch_step(program, variant, constants, 1 / KEEP, coins, p, g, states, loop)
            rows.append(sums or [])
        return rows


def _part(bits: torch.Tensor, begin: int, count: int) -> torch.Tensor:
    return bits[begin : begin + count]


def _moved(kernel: Kernel) -> dict[str, Value]:
    """Settings that are not at 0 for what the program does not know."""
    known = dict(kernel.program.known)
    return {
        s.name: 0.1
        for s in kernel.program.rule.settings
        if s.kind == "float" and s.default == 0 and s.name not in known
    }
