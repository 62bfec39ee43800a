"""Parameters on a CUDA device that one launch steps together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import is_, itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels import cuda
from lrd_core.optim.kernels.cuda import CudaBatch
from lrd_core.optim.kernels.entry import Entry, Variant
from lrd_core.optim.kernels.program import Program
from lrd_core.optim.measurement import LotSums
from lrd_core.optim.rules.optimizer import RuleOptimizer
from lrd_core.optim.stepping.cpu_active import MovedError, Part, check_state, same
from lrd_core.optim.stepping.request import Member, Request, coin_limits
from lrd_core.optim.stepping.shards import is_sharded, local, local_gradient
from lrd_core.optim.stepping.step_count import StepCount, refuse_capture

if TYPE_CHECKING:
    from lrd_core.optim.stepping.binding import Binding

#: Batches that are kept for other sets of parameters that had gradients.
_SETS = 8
#: Asked of every gradient at every step: by `map`, without a frame of Python for each.
_MISSING = partial(is_, None)
_CONTIGUOUS = torch.Tensor.is_contiguous
_NEGATED = torch.Tensor.is_neg
_ADDRESS = torch.Tensor.data_ptr


def counts_on_device(
    optimizer: torch.optim.Optimizer, group: Mapping[str, Any], binding: Binding
) -> bool:
    """Whether a group's steps are counted on the device, so that nothing waits for it.

    torch keeps counters there with ``fused`` or ``capturable``; those of rules that torch doesn't
    count, and of our own optimizers, are ours.
    """
    ours = not binding.counted or isinstance(optimizer, RuleOptimizer)
    return ours or bool(group.get("capturable") or group.get("fused"))


@dataclass(slots=True)
class _Batch:
    """A batch and what it was made of.

    Attributes:
        addresses: of parameters, states, counters and scalars.
        counters, scalars: those on the host, one list for each scalar.
        cells: the counters' memory as arrays.
    """

    batch: CudaBatch
    addresses: list[list[int]]
    counters: list[torch.Tensor]
    scalars: list[list[torch.Tensor]]
    cells: list[NDArray[Any]]


class CudaLot:
    """Members on one device that share program, variant and where steps are counted.

    Args:
        optimizer: the base, whose state is read anew at every step.
        program, variant: what to run.
        members: parameters, in order.
        owners: parameter group of each.
        on_device: see `counts_on_device`.
        count: the number of steps that masks are drawn from.

    Attributes:
        last: this lot raises the device's copy of `count`.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        program: Program,
        variant: Variant,
        members: list[Member],
        owners: list[int],
        on_device: bool,
        count: StepCount,
    ) -> None:
        self.members = members
        self.groups = sorted(set(owners))
        self.device = local(members[0].parameter).device
        self.on_device = on_device
        self.last = True
        self._optimizer = optimizer
        self._program = program
        self._variant = variant
        self._owners = owners
        self._count = count
        self._parameters = [m.parameter for m in members]
        self._part: Part = local if any(map(is_sharded, self._parameters)) else same
        self._all = tuple(range(len(members)))
        self._here: tuple[int, ...] = ()
        self._gradients: list[torch.Tensor] = []
        self._batches: dict[tuple[int, ...], _Batch] = {}
        self._own_counters: dict[int, torch.Tensor] = {}
        self._keeps: tuple[Sequence[float], tuple[int, ...], list[float]] | None = None

    def ready(self, binding: Binding) -> bool:
        """Finds gradients, parameters and state of this step; whether there is anything to do.

        Raises:
            MovedError: a parameter has another dtype, device or shape than before, or a gradient
                is sparse or of another dtype.
            RuntimeError: state that does not fit its parameter, or a CUDA graph that cannot be
                captured.
        """
        grads = [p.grad for p in self._parameters]
        here = self._all
        if any(map(_MISSING, grads)):
            here = tuple(i for i in here if grads[i] is not None)
        if not here:
            return False
        if not self.on_device:
            refuse_capture(
                f"{self._program.rule.label} counts its steps on the host: a CUDA graph needs "
                "capturable=True or fused=True"
            )
        self._here = here
        given = [(g, p) for g, p in zip(grads, self._parameters, strict=True) if g is not None]
        dtype = self._variant.dtype
        if any(g.layout != torch.strided or g.dtype != dtype for g, _ in given):
            raise MovedError
        self._gradients = [local_gradient(g, p) for g, p in given]
        state_of = self._optimizer.state
        own = [state_of[self._parameters[i]] for i in here]
        batch = self._batches.get(here)
        if batch is None or batch.addresses != self._addresses(own, binding):
            refuse_capture("")
            members = [self.members[i] for i in here]
            if not all(map(self._stayed, members)):
                raise MovedError
            for m, state in zip(members, own, strict=True):
                self._complete(m, state, binding)
            self._batches.pop(here, None)
            while len(self._batches) >= _SETS:
                del self._batches[next(iter(self._batches))]
            self._batches[here] = self._made(members, own, binding)
        return True

    def step(
        self, rates: Sequence[float], request: Request, bindings: Mapping[int, Binding]
    ) -> LotSums:
        """Steps the members that `ready` has found; gives the sums of each if it is to measure."""
        found = self._batches[self._here]
        given, self._gradients = self._gradients, []
        gradients = given
        if not all(map(_CONTIGUOUS, given)) or any(map(_NEGATED, given)):
            gradients = [g.resolve_neg().contiguous() for g in given]
        keeps = self._keep_rates(rates, request)
        factors = [1.0] * len(keeps)
        if request.rescale:
            factors = [1.0 / (1.0 - rates[self.members[i].index]) for i in self._here]
        owners = [self._owners[i] for i in self._here]
        more: dict[str, Any] = {}
        after: list[tuple[float, ...]] = []
        if self.on_device:
            more["settings"] = [bindings[owner].settings for owner in owners]
            for name in ("found_inf", "grad_scale"):
                tensor: torch.Tensor | None = getattr(request, name)
                if tensor is not None:
                    more[name] = tensor.to(self.device, non_blocking=True)
        else:
            more["constants"], after = self._constants(found, owners, bindings)
        mask_step = self._count.on(self.device)
        sums = found.batch.step(
            gradients, request.seed, mask_step, keeps, factors, counts=self.last, **more
        )
        if request.captured and not any(found.batch is kept for kept in self._count.kept):
            self._count.kept.append(found.batch)
        self._finish(found, after)
        if request.grad_scale is not None and gradients is not given:
            for g, used in zip(given, gradients, strict=True):
                if used is not g:
                    g.copy_(used)
        if sums is None:
            return (), ()
        return [self.members[i].index for i in self._here], sums

    def prepare(self, request: Request) -> None:
        """Writes the kernel's source; it is compiled by the first step."""
        cuda.load(self._program, self._variant, self.on_device)

    def _keep_rates(self, rates: Sequence[float], request: Request) -> list[float]:
        """The probability that a coordinate is kept, for each member; or its coin, 0 or 1."""
        indices = [self.members[i].index for i in self._here]
        if request.policy.unit != "coordinate":
            return [limit / 2.0**32 for limit in coin_limits(request, rates, indices).tolist()]
        if self._keeps is None or self._keeps[:2] != (rates, self._here):
            self._keeps = (list(rates), self._here, [1.0 - rates[index] for index in indices])
        return self._keeps[2]

    def _addresses(self, own: Sequence[dict[str, Any]], binding: Binding) -> list[list[int]]:
        """Of parameters, states, counters and scalars; empty if some are missing."""
        keys = [binding.keys[name] for name in self._program.states]
        keys += ["step"] if binding.counted else []
        keys += binding.scalars.values()
        columns: list[list[torch.Tensor]] = [[self._parameters[i] for i in self._here]]
        try:
            columns += [list(map(itemgetter(key), own)) for key in keys]
            if self._part is not same:
                columns = [list(map(self._part, column)) for column in columns]
            return [list(map(_ADDRESS, column)) for column in columns]
        except (KeyError, TypeError):
            # torch keeps None for a momentum buffer that is yet to come.
            return []

    def _stayed(self, member: Member) -> bool:
        """Whether a parameter still is what it was when the lots were made."""
        p = local(member.parameter)
        here = p.dtype == self._variant.dtype and p.device == self.device
        return here and p.is_contiguous() and tuple(p.shape) == member.place.local

    def _complete(self, member: Member, state: dict[str, Any], binding: Binding) -> None:
        """Adds what the state lacks, as the base optimizer would, where this lot counts."""
        # torch's scalar state follows the default dtype, that on the device is always float32 here.
        wide = torch.get_default_dtype() == torch.float64 and not self.on_device
        dtype = torch.float64 if wide else torch.float32
        device = self.device if self.on_device else torch.device("cpu")
        first = {key: (binding.rule.scalars or {})[n] for n, key in binding.scalars.items()}
        for key, value in {**({"step": 0.0} if binding.counted else {}), **first}.items():
            if key not in state:
                state[key] = torch.tensor(value, dtype=dtype, device=device)
            else:
                # A checkpoint may bring it in the parameter's dtype and place.
                kind = torch.float32 if self.on_device else state[key].dtype
                state[key] = state[key].to(device, kind)
        new = False
        for name in self._program.states:
            key = binding.keys[name]
            if state.get(key) is None:
                p = member.parameter
                state[key] = torch.zeros_like(p, memory_format=torch.preserve_format)
                new = True
        if not binding.counted and (new or member.index not in self._own_counters):
            self._own_counters[member.index] = torch.tensor(0.0 if new else 1.0, device=device)

    def _made(
        self, members: Sequence[Member], own: Sequence[dict[str, Any]], binding: Binding
    ) -> _Batch:
        """A batch over the state as it is now."""
        keys = [binding.keys[name] for name in self._program.states]
        entries = []
        for m, state in zip(members, own, strict=True):
            p = local(m.parameter).detach()
            states = tuple(local(state[key]) for key in keys)
            for key, s in zip(keys, states, strict=True):
                check_state(p, s, key, m.index)
            counter = None
            if self.on_device:
                counter = state["step"] if binding.counted else self._own_counters[m.index]
            entries.append(Entry(m.index, m.offset, p, states, counter))
        scalars = [[state[key] for state in own] for key in binding.scalars.values()]
        given = list(zip(*scalars, strict=True)) if self.on_device else []
        batch = CudaBatch(self._program, self._variant, entries, given)
        addresses = self._addresses(own, binding)
        if self.on_device:
            return _Batch(batch, addresses, [], [], [])
        counters = [state["step"] for state in own]
        return _Batch(batch, addresses, counters, scalars, [c.numpy() for c in counters])

    def _constants(
        self, found: _Batch, owners: Sequence[int], bindings: Mapping[int, Binding]
    ) -> tuple[NDArray[np.float64], list[tuple[float, ...]]]:
        """Constants of each member's step and its scalars after it, from counters on the host."""
        counts = map(float, found.cells)
        columns = [map(float, column) for column in found.scalars]
        # Members that share all of these share their constants.
        kinds = list(zip(owners, counts, *columns, strict=True))
        first = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
        results = [
            self._program.evaluate(int(count) + 1, bindings[owner].settings, tuple(own))
            for owner, count, *own in first
        ]
        of = [first[kind] for kind in kinds]
        rows = np.array([row for row, _ in results], dtype=np.float64)
        after = [results[i][1] for i in of] if found.scalars else []
        return rows.reshape(len(results), len(self._program.constants))[of], after

    def _finish(self, found: _Batch, after: Sequence[tuple[float, ...]]) -> None:
        """Raises counters and writes scalars that are on the host."""
        if found.counters:
            torch._foreach_add_(found.counters, 1)
        for i, column in enumerate(found.scalars):
            for tensor, values in zip(column, after, strict=True):
                tensor.fill_(values[i])
