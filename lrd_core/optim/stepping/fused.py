"""Steps whole parameter groups in one pass, where the optimizer is one whose rule we know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import TYPE_CHECKING, Any

import torch

from lrd_core.optim.kernels import cpu, cuda, cuda_source
from lrd_core.optim.kernels.entry import Mode, Variant
from lrd_core.optim.kernels.program import Program, known_settings, program
from lrd_core.optim.measurement import LotSums
from lrd_core.optim.policies import Policy
from lrd_core.optim.stepping.binding import Binding, bind_group
from lrd_core.optim.stepping.cpu_active import MovedError
from lrd_core.optim.stepping.cpu_lot import CpuLot
from lrd_core.optim.stepping.cuda_lot import CudaLot, counts_on_device
from lrd_core.optim.stepping.request import Member, Request
from lrd_core.optim.stepping.shards import is_sharded, local, place
from lrd_core.optim.stepping.share import Share
from lrd_core.optim.stepping.step_count import StepCount, refuse_capture

if TYPE_CHECKING:
    from lrd_core.optim.stepping.together import Together


@dataclass(slots=True)
class _Layout:
    """Members of all groups, sorted into lots; valid while it `fits`."""

    signature: Any
    parameters: list[list[torch.Tensor]]
    rates: list[float]
    lots: list[CpuLot | CudaLot]
    taken: frozenset[int]
    reasons: dict[int, str]

    def fits(
        self, signature: Any, parameters: list[list[torch.Tensor]], rates: Sequence[float]
    ) -> bool:
        """Whether the step is of the same kind, with the same parameters at rate 0."""
        if self.signature != signature or len(self.parameters) != len(parameters):
            return False
        for ours, theirs in zip(self.parameters, parameters, strict=True):
            if len(ours) != len(theirs) or not all(map(is_, ours, theirs)):
                return False
        if self.rates != rates:
            if list(map(bool, self.rates)) != list(map(bool, rates)):
                return False
            self.rates = list(rates)
        return True


@dataclass(slots=True)
class _Gathered:
    """Members of a lot on the way, and the parameter group of each."""

    program: Program
    kind: type[CpuLot] | type[CudaLot]
    on_device: bool
    members: list[Member] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)


class FusedSteps:
    """The engines' part of an optimizer's steps.

    Attributes:
        count: steps taken.
        reasons: by position, why the base stepped a parameter at the last step.
        together: what `together.step_together` knows of the optimizers that it steps with this one
            as the first.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._layout: _Layout | None = None
        self.count = StepCount()
        self.together: Together | None = None
        self.reasons: dict[int, str] = {}

    def prepare(self, rates: Sequence[float], request: Request) -> None:
        """Asks for the kernels that a step like this will want, so that they are on the way."""
        if request.policy.fused is None:
            return
        for lot in self._arranged(rates, request, self._bound()).lots:
            lot.prepare(request)

    def _bound(self) -> list[Binding | str]:
        return [bind_group(self._optimizer, group) for group in self._optimizer.param_groups]

    def on_device(self, rates: Sequence[float], request: Request) -> bool:
        """Whether devices take such a step without a word from the host: none of its parameters is
        stepped by the base or a CPU, and all steps are counted where the parameters are."""
        if request.policy.fused is None or request.policy.unit != "coordinate":
            return False
        layout = self._arranged(rates, request, self._bound())
        ours = all(isinstance(lot, CudaLot) and lot.on_device for lot in layout.lots)
        return ours and bool(layout.lots) and len(layout.taken) == len(rates)

    def step(
        self, rates: Sequence[float], request: Request, whole: bool = True
    ) -> tuple[frozenset[int], list[LotSums]]:
        """Steps what can be stepped.

        Args:
            rates: drop rate of every parameter.
            request: the step.
            whole: no closure is left to call.

        Returns:
            The positions of parameters that are done (those without a gradient too), and the sums
            of `kernels.entry.SUMS` for those that were measured.

        Raises:
            RuntimeError: a CUDA graph is being captured that would not be right.
        """
        if request.policy.fused is None or not whole:
            return frozenset(), []
        try:
            layout, sums = self._run(rates, request)
        except MovedError:
            self._layout = None
            layout, sums = self._run(rates, request)
        self.reasons = layout.reasons
        # A scheduler over the base looks whether its optimizer has stepped.
        self._optimizer._opt_called = True  # type: ignore[attr-defined]
        return layout.taken, sums

    def shares(self, rates: Sequence[float], request: Request) -> list[Share] | None:
        """All parameters as rows for tables shared with other optimizers; None if some can't be.

        Raises:
            RuntimeError: a gradient or state that does not fit its parameter.
        """
        if request.policy.fused is None:
            return None
        bindings = self._bound()
        layout = self._arranged(rates, request, bindings)
        known = {i: b for i, b in enumerate(bindings) if isinstance(b, Binding)}
        if len(layout.taken) < len(rates):
            return None
        found = []
        try:
            for lot in layout.lots:
                share = lot.share(known, request) if isinstance(lot, CpuLot) else None
                if share is None:
                    return None
                found.append(share)
        except MovedError:
            self._layout = None
            return None
        self.reasons = layout.reasons
        return found

    def _run(self, rates: Sequence[float], request: Request) -> tuple[_Layout, list[LotSums]]:
        bindings = self._bound()
        layout = self._arranged(rates, request, bindings)
        known = {i: b for i, b in enumerate(bindings) if isinstance(b, Binding)}
        if layout.lots and request.policy.unit != "coordinate":
            refuse_capture(
                f"policy {request.policy.name!r} draws its coins on the host; a CUDA graph would "
                "repeat them at every replay"
            )
        sums: list[LotSums] = []
        # All find their state before the first of them steps: nothing is half done.
        ready = [lot for lot in layout.lots if lot.ready(known[lot.groups[0]])]
        last = {lot.device: lot for lot in ready if isinstance(lot, CudaLot)}
        for lot in ready:
            if isinstance(lot, CudaLot):
                lot.last = last[lot.device] is lot
                sums.append(lot.step(rates, request, known))
            else:
                found = lot.step(rates, request, known)
                sums.append((list(found), list(found.values())))
        if request.captured:
            self.count.captured(last)
        else:
            self.count.raised(last, request.found_inf is not None)
        return layout, sums

    def _arranged(
        self, rates: Sequence[float], request: Request, bindings: list[Binding | str]
    ) -> _Layout:
        programs: list[Program | str] = [
            b
            if isinstance(b, str)
            else program(b.rule, known_settings(b.rule, b.settings), b.maximize)
            for b in bindings
        ]
        groups = self._optimizer.param_groups
        counted = [
            None if isinstance(b, str) else (b.exact, counts_on_device(self._optimizer, group, b))
            for b, group in zip(bindings, groups, strict=True)
        ]
        variant = (request.policy.fused, request.rescale, request.statistics, request.kernel)
        signature = ([p if isinstance(p, str) else id(p) for p in programs], counted, variant)
        parameters = [group["params"] for group in groups]
        if self._layout is None or not self._layout.fits(signature, parameters, rates):
            self._layout = self._arrange(signature, rates, request, bindings, programs)
        return self._layout

    def _arrange(
        self,
        signature: Any,
        rates: Sequence[float],
        request: Request,
        bindings: list[Binding | str],
        programs: list[Program | str],
    ) -> _Layout:
        found: dict[Any, _Gathered] = {}
        reasons: dict[int, str] = {}
        index = -1
        for i, group in enumerate(self._optimizer.param_groups):
            binding, chosen = bindings[i], programs[i]
            for p in group["params"]:
                index += 1
                if isinstance(binding, str) or isinstance(chosen, str):
                    reasons[index] = str(binding)
                    continue
                kind = _kind(p, rates[index], binding, request.kernel)
                member = kind if isinstance(kind, str) else _member(index, p)
                if isinstance(kind, str) or isinstance(member, str):
                    reasons[index] = str(member)
                    continue
                here = kind is CudaLot and counts_on_device(self._optimizer, group, binding)
                part = local(p)
                key = (id(chosen), part.dtype, kind, part.device, here)
                lot = found.setdefault(key, _Gathered(chosen, kind, here))
                lot.members.append(member)
                lot.owners.append(i)
        lots = [self._lot(key[1], lot, request) for key, lot in found.items()]
        taken = frozenset(m.index for lot in lots for m in lot.members)
        parameters = [list(group["params"]) for group in self._optimizer.param_groups]
        return _Layout(signature, parameters, list(rates), lots, taken, reasons)

    def _lot(self, dtype: torch.dtype, found: _Gathered, request: Request) -> CpuLot | CudaLot:
        variant = _variant(dtype, request)
        members, owners = found.members, found.owners
        if found.kind is CpuLot:
            return CpuLot(self._optimizer, found.program, variant, members, owners)
        return CudaLot(
            self._optimizer,
            found.program,
            variant,
            members,
            owners,
            found.on_device,
            self.count,
        )


def _variant(dtype: torch.dtype, request: Request) -> Variant:
    mode: Mode = request.policy.fused or "update"
    return Variant(dtype, mode, request.rescale, request.statistics)


def unfused(policy: Policy) -> str:
    """Why engines leave a policy to the base's step; "" if they draw it themselves."""
    if policy.fused is not None:
        return ""
    if policy.gradient is not None:
        return "the policy changes the gradient before the base steps"
    if policy.unit in ("row", "column"):
        return f"engines draw no coins for {policy.unit}s: they are put back after the base's step"
    return "the policy looks at the update that the base has made"


def lot_type(device: str, dtype: torch.dtype, kernel: str) -> type[CpuLot] | type[CudaLot] | str:
    """What steps tensors of a device type and dtype, or why the base steps them.

    Args:
        device, dtype: of the parameter.
        kernel: see `LRD`.
    """
    name = str(dtype).removeprefix("torch.")
    if device == "cpu":
        return CpuLot if dtype in cpu.DTYPES else f"no CPU kernel for {name}"
    if device != "cuda":
        return f"no engine for {device}"
    usable, reason = cuda.available()
    if not usable:
        return reason
    if kernel == "torch":
        return 'kernel="torch" has no engine for CUDA'
    return CudaLot if dtype in cuda_source.DTYPES else f"no CUDA kernel for {name}"


def _kind(
    p: torch.Tensor, rate: float, binding: Binding, kernel: str
) -> type[CpuLot] | type[CudaLot] | str:
    """What steps a parameter, or why the base does."""
    if type(p) not in (torch.Tensor, torch.nn.Parameter) and not is_sharded(p):
        return f"a {type(p).__name__} is stepped by the base"
    if p.grad is not None and p.grad.layout != torch.strided:
        return "a sparse gradient: the base steps"
    if p.grad is not None and p.grad.dtype != p.dtype:
        return "a gradient of another dtype: the base steps"
    part = local(p)
    kind = lot_type(part.device.type, part.dtype, kernel)
    # On CUDA nothing has torch's very bits.
    if rate == 0 and not (binding.exact and kind is CpuLot):
        return "drop rate 0: the base steps"
    return "not contiguous: the base steps" if not part.is_contiguous() else kind


def _member(index: int, p: torch.Tensor) -> Member | str:
    """A parameter as a member of a lot, or why the base steps it."""
    where = place(p)
    offset = where.offset
    if offset is None:
        return "a shard with gaps in the whole parameter: the base steps"
    return Member(index, p, where, offset)
