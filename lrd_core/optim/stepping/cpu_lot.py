"""Parameters on a CPU that one kernel steps together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels import cpu
from lrd_core.optim.kernels.entry import Variant
from lrd_core.optim.kernels.program import Program
from lrd_core.optim.stepping.cpu_active import Active, MovedError, same
from lrd_core.optim.stepping.request import Member, Request, coin_limits
from lrd_core.optim.stepping.shards import is_sharded, local, local_gradient
from lrd_core.optim.stepping.share import Share

if TYPE_CHECKING:
    from lrd_core.optim.stepping.binding import Binding

_MISSING = partial(is_, None)
_DTYPE = attrgetter("dtype")

Sums = dict[int, NDArray[np.float64]]


class CpuLot:
    """Members that share program and variant.

    Args:
        optimizer: the base, whose state is read anew at every step.
        program, variant: what to run.
        members: parameters, in order.
        owners: parameter group of each.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        program: Program,
        variant: Variant,
        members: list[Member],
        owners: list[int],
    ) -> None:
        self.members = members
        self.groups = sorted(set(owners))
        self._optimizer = optimizer
        self._program = program
        self._variant = variant
        self._owners = owners
        self._parameters = [m.parameter for m in members]
        self._single = [i for i, m in enumerate(members) if math.prod(m.place.local) <= 1]
        self._all = tuple(range(len(members)))
        self._sharded = any(is_sharded(m.parameter) for m in members)
        self._here: tuple[int, ...] = ()
        self._gradients: list[torch.Tensor] = []
        self._active: Active | None = None
        self._limits: tuple[tuple[Sequence[float], tuple[int, ...]], NDArray[np.int64]] | None
        self._limits = None
        self._kernel: cpu.Kernel | None = None

    def ready(self, binding: Binding) -> bool:
        """Finds gradients, parameters and state of this step; whether there is anything to do.

        Raises:
            MovedError: a parameter has another dtype or device than before, or a gradient is
                sparse or of another dtype.
            RuntimeError: a gradient or state that does not fit its parameter.
        """
        grads: list[Any] = [p.grad for p in self._parameters]
        here = self._all
        plain = not self._sharded and _row_major(grads, self._single)
        if not plain and any(map(_MISSING, grads)):
            here = tuple(i for i, g in enumerate(grads) if g is not None)
            grads = [g for g in grads if g is not None]
        if not here:
            return False
        if self._active is None or self._here != here:
            self._here = here
            self._active = Active(
                self._optimizer,
                self._program,
                self._variant,
                [self.members[i] for i in here],
                [self._owners[i] for i in here],
            )
        part = local if self._sharded else same
        if self._sharded:
            pairs = zip(grads, [self._parameters[i] for i in here], strict=True)
            grads = [local_gradient(g, p) for g, p in pairs]
        if not plain:
            if any(g.layout != torch.strided for g in grads):
                raise MovedError
            grads = [g.resolve_neg().contiguous() for g in grads]
        if set(map(_DTYPE, grads)) != {self._variant.dtype}:
            raise MovedError
        self._gradients = grads
        self._active.refresh(part, binding, grads)
        return True

    def step(
        self, rates: Sequence[float], request: Request, bindings: Mapping[int, Binding]
    ) -> Sums:
        """Steps the members that `ready` has found; gives the sums of each if it is to measure."""
        active = self._active
        if active is None:
            return {}
        gradients, self._gradients = self._gradients, []
        limits = self._coin_limits(rates, request)
        kernel = self._code(request)
        constants = active.constants(bindings, rates, request)
        if not active.raise_counters(kernel):
            constants = active.constants(bindings, rates, request)
            active.raise_counters(kernel)
        sums: Any
        if kernel is None:
            sums = active.by_torch(gradients, constants, limits, request, bindings)
        else:
            sums = active.compiled(kernel, gradients, constants, limits, request)
        active.finish(constants)
        if not self._variant.statistics:
            return {}
        indices = [self.members[i].index for i in self._here]
        return dict(zip(indices, map(np.asarray, sums), strict=True))

    def share(self, bindings: Mapping[int, Binding], request: Request) -> Share | None:
        """The members that have a gradient, for a table shared with other optimizers.

        None where only `step` can take them: sharded parameters, gradients that must be copied, no
        compiled code yet, state that is yet to be made; or where sharing gains nothing, since the
        members are large enough for several threads.

        Raises:
            MovedError, RuntimeError: see `ready`.
        """
        if self._sharded or not self.ready(bindings[self.groups[0]]):
            return None
        gradients, self._gradients = self._gradients, []
        kernel, active = self._code(request), self._active
        here = [self._parameters[i].grad for i in self._here]
        large = sum(g.numel() for g in gradients) >= cpu.SERIAL_BELOW
        if kernel is None or active is None or not all(map(is_, gradients, here)):
            return None
        if large and torch.get_num_threads() > 1:
            return None
        return active.share(kernel, bindings)

    def _coin_limits(self, rates: Sequence[float], request: Request) -> NDArray[np.int64]:
        if request.policy.unit != "coordinate":
            return coin_limits(request, rates, [self.members[i].index for i in self._here])
        if self._limits is None or self._limits[0] != (rates, self._here):
            indices = [self.members[i].index for i in self._here]
            self._limits = ((list(rates), self._here), coin_limits(request, rates, indices))
        return self._limits[1]

    def prepare(self, request: Request) -> None:
        """Asks for the kernel."""
        self._code(request)

    def _code(self, request: Request) -> cpu.Kernel | None:
        if request.kernel == "torch":
            return None
        # One that waits is asked for again: a forked child has forgotten it.
        if self._kernel is None or self._kernel.state == "waiting":
            self._kernel = cpu.request(self._program, self._variant)
        if request.kernel == "compiled":
            cpu.wait(self._kernel)
        return self._kernel if self._kernel.state == "ready" else None


def _row_major(gradients: list[Any], single: list[int]) -> bool:
    """Whether all gradients are there and can be read as they are.

    Args:
        gradients: tensors, or None for those that are missing.
        single: which have one element: only there can values with the sign to be turned lie
            without gaps (a scalar from a conjugated complex number).
    """
    try:
        # By `map`, without a frame of Python for each.
        return all(map(torch.Tensor.is_contiguous, gradients)) and not any(
            gradients[i].is_neg() for i in single
        )
    except TypeError:
        return False
