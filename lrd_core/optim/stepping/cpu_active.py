"""The members of a lot that have a gradient: what stays from step to step, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import is_, itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim import random_bits
from lrd_core.optim.kernels import cpu, torch_engine
from lrd_core.optim.kernels.addresses import Addresses
from lrd_core.optim.kernels.entry import SUMS, Variant
from lrd_core.optim.kernels.program import Program
from lrd_core.optim.stepping.counters import cell, narrow
from lrd_core.optim.stepping.share import Share

if TYPE_CHECKING:
    from lrd_core.optim.stepping.binding import Binding
    from lrd_core.optim.stepping.request import Member, Request

Part = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Kind:
    """Members that share the constants of a step.

    Attributes:
        owner: parameter group.
        step: number of the parameter's own step, from 1.
        rate: drop rate.
        scalars: the rule's scalars before the step.
    """

    owner: int
    step: int
    rate: float
    scalars: tuple[float, ...]


@dataclass(slots=True)
class Constants:
    """Constants of a step: one row a kind, and which kind each member is of."""

    kinds: list[Kind]
    rows: list[tuple[float, ...]]
    scalars: list[tuple[float, ...]]
    of: list[int]


def same(tensor: torch.Tensor) -> torch.Tensor:
    """The `Part` of a tensor that is not sharded."""
    return tensor


class MovedError(Exception):
    """A parameter has another dtype, device or shape than before: the lots are made anew."""


class Active:
    """Members with a gradient; pointers are read anew at every step.

    Args:
        optimizer: the base.
        program, variant: of the lot.
        members, owners: parameters and their groups.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        program: Program,
        variant: Variant,
        members: list[Member],
        owners: list[int],
    ) -> None:
        self._optimizer = optimizer
        self._program = program
        self._variant = variant
        self._members = members
        self._owners = owners
        self._distinct = sorted(set(owners))
        self._owner_of = [self._distinct.index(owner) for owner in owners]
        self._numel = np.array([_count(m.place.local) for m in members], dtype=np.int64)
        self._table = cpu.Table(len(program.states), len(program.constants), len(members))
        self._table.set("index", [m.index for m in members])
        self._table.set("start", [m.offset for m in members])
        self._table.set_sizes(self._numel)
        self._pointers: list[list[int]] = []
        self._sharing: list[int] | None = None
        self._parameters: list[torch.Tensor] = []
        self._states: list[list[torch.Tensor]] = []
        self._counters: list[torch.Tensor] = []
        self._cells: list[Any] = []
        self._scalars: list[list[torch.Tensor]] = []
        self._wide: list[torch.Tensor] = []
        self._counted: list[int] | None = None
        self._next: list[int] = []
        self._new: list[bool] | None = None
        self._given = [m.parameter for m in members]
        self._coined: NDArray[np.int64] | None = None
        self._present: list[Any] = []
        self._addresses: Addresses | None = None

    def refresh(self, part: Part, binding: Binding, gradients: Sequence[torch.Tensor]) -> None:
        """Finds parameters and state, makes what is missing, notices what has moved.

        Raises:
            RuntimeError: a gradient or state that does not fit its parameter.
        """
        if self._unchanged():
            self._new = None
            return
        # What has moved is told once: if a check fails below, the next step must check again.
        self._addresses = None
        own = [self._optimizer.state[p] for p in self._given]
        keys = [binding.keys[name] for name in self._program.states]
        try:
            pointers = self._find(own, keys, part, binding)
            self._new = None
        except (KeyError, AttributeError):
            pairs = zip(self._given, own, strict=True)
            self._new = [_complete(p, s, keys, binding) for p, s in pairs]
            pointers = self._find(own, keys, part, binding)
        if pointers != self._pointers:
            if not all(map(self._stayed, self._parameters, self._members)):
                raise MovedError
            self._check(binding, gradients)
            self._pointers = pointers
            self._counted = None
            self._cells = [cell(t) for t in self._counters]
            self._wide = [t for t in self._counters if not narrow(t)]
            self._table.set("parameter", pointers[0])
            for i in range(len(keys)):
                self._table.set_state(i, pointers[1 + i])
            counters = [t.data_ptr() if narrow(t) else 0 for t in self._counters]
            self._table.set("step", counters or 0)
        if part is same and self._new is None:
            self._present = self._everything()
            columns = chain(self._parameters, *self._states, self._counters)
            self._addresses = Addresses(list(columns))

    def _everything(self) -> list[Any]:
        """All that the base's state holds, of other lots too."""
        return list(chain.from_iterable(map(dict.values, self._optimizer.state.values())))

    def _unchanged(self) -> bool:
        """Whether all tensors of the last step are still there, at the same addresses."""
        if self._addresses is None:
            return False
        present = self._everything()
        same_ones = len(present) == len(self._present) and all(map(is_, present, self._present))
        return same_ones and not self._addresses.moved()

    def _find(
        self, own: list[dict[str, Any]], keys: list[str], part: Part, binding: Binding
    ) -> list[list[int]]:
        """Takes the tensors of this step; gives their addresses."""
        self._parameters = self._given
        self._states = [list(map(itemgetter(key), own)) for key in keys]
        if part is not same:
            self._parameters = list(map(part, self._parameters))
            self._states = [list(map(part, column)) for column in self._states]
        self._counters = list(map(itemgetter("step"), own)) if binding.counted else []
        self._scalars = [list(map(itemgetter(key), own)) for key in binding.scalars.values()]
        columns = [self._parameters, *self._states, self._counters]
        try:
            return [list(map(torch.Tensor.data_ptr, column)) for column in columns]
        except TypeError as error:
            # torch keeps None for a momentum buffer that is yet to come.
            raise KeyError(str(error)) from None

    def _stayed(self, p: torch.Tensor, member: Member) -> bool:
        """Whether a parameter still is what it was when the lots were made."""
        here = p.dtype == self._variant.dtype and p.device.type == "cpu"
        return here and p.is_contiguous() and tuple(p.shape) == member.place.local

    def _check(self, binding: Binding, gradients: Sequence[torch.Tensor]) -> None:
        for j, p in enumerate(self._parameters):
            if gradients[j].shape != p.shape:
                raise RuntimeError(
                    f"the gradient of parameter {self._members[j].index} is "
                    f"{tuple(gradients[j].shape)}, the parameter {tuple(p.shape)}; clear "
                    "gradients when a parameter's data gets another shape"
                )
            for name, column in zip(self._program.states, self._states, strict=True):
                check_state(p, column[j], binding.keys[name], self._members[j].index)

    def constants(
        self, bindings: Mapping[int, Binding], rates: Sequence[float], request: Request
    ) -> Constants:
        """The constants of this step."""
        steps = self._steps()
        if not self._scalars and not request.rescale and steps.count(steps[0]) == len(steps):
            kinds = [Kind(owner, steps[0], 0.0, ()) for owner in self._distinct]
            of = self._owner_of
        else:
            kinds, of = self._sorted(steps, rates, request)
        rows, after = [], []
        for kind in kinds:
            settings = bindings[kind.owner].settings
            row, own = self._program.evaluate(kind.step, settings, kind.scalars)
            rows.append(row)
            after.append(own)
        return Constants(kinds, rows, after, of)

    def _sorted(
        self, steps: list[int], rates: Sequence[float], request: Request
    ) -> tuple[list[Kind], list[int]]:
        """The kinds there are, and which one each member is of."""
        scalars = [[float(t) for t in column] for column in self._scalars]
        kinds: dict[Kind, int] = {}
        of = []
        for j, (owner, step) in enumerate(zip(self._owners, steps, strict=True)):
            rate = rates[self._members[j].index] if request.rescale else 0.0
            kind = Kind(owner, step, rate, tuple(column[j] for column in scalars))
            of.append(kinds.setdefault(kind, len(kinds)))
        return list(kinds), of

    def _steps(self) -> list[int]:
        """Number of each member's own step. Counters are as last seen: `compiled` looks whether."""
        if self._counters:
            if self._counted is None:
                self._counted = [int(cell.value) for cell in self._cells]
                self._table.set("count", self._counted)
            self._next = [count + 1 for count in self._counted]
            return self._next
        if self._new is None:
            return [2] * len(self._members)
        return [1 if new else 2 for new in self._new]

    def raise_counters(self, kernel: cpu.Kernel | None) -> bool:
        """Adds 1 to every step counter; False if one was changed by others since it was read."""
        if not self._counters:
            return True
        if kernel is None or self._wide:
            # Read anew each time: nobody else can have changed them since.
            for counter in self._counters:
                counter += 1
            self._counted = None
            return True
        if not self._table.raise_counters(kernel):
            self._counted = None
            return False
        self._counted = self._next
        return True

    def compiled(
        self,
        kernel: cpu.Kernel,
        gradients: list[torch.Tensor],
        constants: Constants,
        limits: NDArray[np.int64],
        request: Request,
    ) -> NDArray[np.float64] | None:
        """One pass of compiled code."""
        table = self._table
        for row, (kind, values) in enumerate(zip(constants.kinds, constants.rows, strict=True)):
            table.set_constants(row, self._program, values, 1.0 / (1.0 - kind.rate))
        if constants.of != self._sharing:
            table.share_constants(constants.of)
            self._sharing = constants.of
        table.set("gradient", list(map(torch.Tensor.data_ptr, gradients)))
        if limits is not self._coined:
            table.set_coins(limits)
            self._coined = limits
        table.set_base(random_bits.step_key(request.seed, request.step))
        table.run(kernel, request.statistics)
        return table.sums if request.statistics else None

    def by_torch(
        self,
        gradients: list[torch.Tensor],
        constants: Constants,
        limits: NDArray[np.int64],
        request: Request,
        bindings: Mapping[int, Binding],
    ) -> list[list[float]]:
        """The same by torch's operations, tensor by tensor."""
        found = []
        for j, p in enumerate(self._parameters):
            kind = constants.kinds[constants.of[j]]
            binding = bindings[kind.owner]
            form = binding.rule.form
            loop = None
            if form is not None and form.fused is not None:
                loop = _loop(form.fused, kind.step, binding)
            sums = torch_engine.step(
                self._program,
                self._variant,
                constants.rows[constants.of[j]],
                1.0 / (1.0 - kind.rate),
                _coins(request, self._members[j], int(limits[j])),
                p,
                gradients[j],
                [column[j] for column in self._states],
                loop,
            )
            found.append(sums or [0.0] * len(SUMS))
        return found

    def share(self, kernel: cpu.Kernel, bindings: Mapping[int, Binding]) -> Share | None:
        """Rows for a table shared with other optimizers.

        None where state is yet to be made, or is more than a kernel can change.
        """
        if self._addresses is None or self._scalars or self._wide:
            return None
        return Share(
            kernel=kernel,
            rows=self._table.rows.copy(),
            tensors=list(chain(self._parameters, *self._states, self._counters)),
            indices=[m.index for m in self._members],
            counts=[int(cell.value) for cell in self._cells] or [1] * len(self._members),
            settings=[bindings[owner].settings for owner in self._owners],
            counted=bool(self._counters),
        )

    def finish(self, constants: Constants) -> None:
        """Writes the rule's own scalars back."""
        for i, column in enumerate(self._scalars):
            for j, tensor in enumerate(column):
                tensor.fill_(constants.scalars[constants.of[j]][i])


def check_state(p: torch.Tensor, state: torch.Tensor, key: str, index: int) -> None:
    """Raises RuntimeError unless a state tensor fits its parameter."""
    fits = state.dtype == p.dtype and state.shape == p.shape and state.device == p.device
    if not fits or not state.is_contiguous():
        raise RuntimeError(
            f"state {key!r} of parameter {index} is {state.dtype} {tuple(state.shape)} on "
            f"{state.device}, the parameter {p.dtype} {tuple(p.shape)} on {p.device}; load a "
            "state_dict that fits the model"
        )


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _complete(p: torch.Tensor, state: dict[str, Any], keys: list[str], binding: Binding) -> bool:
    """Adds what the state lacks, as the base optimizer would; whether something was added."""
    made = False
    # torch's scalar state follows the default dtype, its fused loops always float32.
    wide = torch.get_default_dtype() == torch.float64 and not binding.exact
    dtype = torch.float64 if wide else torch.float32
    if binding.counted and "step" not in state:
        state["step"] = torch.zeros((), dtype=dtype)
        made = True
    for name, key in binding.scalars.items():
        if key not in state:
            # A rule's own optimizer keeps them in float64, see rules/optimizer.py.
            own = dtype if binding.rule.form else torch.float64
            state[key] = torch.tensor((binding.rule.scalars or {})[name], dtype=own)
    for key in keys:
        if state.get(key) is None:
            state[key] = torch.zeros_like(p, memory_format=torch.preserve_format)
            made = True
    return made


def _loop(fused: Any, step: int, binding: Binding) -> torch_engine.Loop:
    def loop(p: torch.Tensor, g: torch.Tensor, states: Sequence[torch.Tensor]) -> None:
        fused(p, g, states, step, binding.settings, binding.maximize)

    return loop


def _coins(request: Request, member: Member, limit: int) -> torch_engine.Coins | None:
    if limit == 1 << 32:
        return None

    def coins(begin: int, count: int) -> torch.Tensor:
        start = member.offset + begin
        keep = limit / 2.0**32
        return random_bits.keep_bits(
            request.seed,
            request.step,
            member.index,
            count,
            keep,
            start,
            torch_engine.coin_space(),
        )

    return coins
